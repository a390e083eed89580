import html
import json
import re
from math import comb

import numpy as np
import pytest

from nnexp.plots.comparison import RunCurves, metric_curves, metric_names, svg
from nnexp.plots.run.confusion import difference
from nnexp.runs.compare.compared_run import Answers, ComparedRun
from nnexp.runs.compare.comparison import check_number, compare, differing
from nnexp.runs.compare.metric_rows import shown
from nnexp.runs.compare.report import page
from nnexp.runs.compare.significance import McNemar, amount, corrected, p_value
from nnexp.runs.query import RunError
from nnexp.runs.run import in_folder

CLASSES = ["ape", "bee", "cat"]
TRUE = np.repeat([0, 1, 2], 40)
PARAMS = {
    "data": "zoo",
    "data.fold": "0",
    "loss": "softmax_cross_entropy",
    "optimizer": "adam",
    "optimizer.lr": "0.007",
    "seed": "0",
}
ENVIRONMENT = {
    "command": "nnexp data=zoo",
    "cpu": "Z80",
    "cores": 1,
    "threads": 1,
    "packages": {"numpy": "2.4.0"},
}
TAGS = {"nnexp.data_sha256": "d" * 64, "nnexp.git_commit": "c" * 40, "nnexp.git_dirty": "false"}


def wrong(*rows):
    """What a network predicts that errs in these rows only."""
    predicted = TRUE.copy()
    predicted[list(rows)] = (predicted[list(rows)] + 1) % 3
    return predicted


def data(sha="d" * 64, task="classification", classes=CLASSES, targets=(), validation="v", test="t"):
    parts = {"training": "r", "validation": validation, "test": test}
    described = {
        name: {"examples": 120, "digest": digest * 64, "classes": None} for name, digest in parts.items()
    }
    return {
        "name": "zoo",
        "sha256": sha,
        "task": task,
        "classes": list(classes),
        "targets": list(targets),
        "splits": described,
    }


@pytest.fixture
def recorded(tmp_path):
    """Makes a run's folder and reads it back."""

    def make(
        name="zoo-mlp",
        predicted=None,
        dataset=None,
        params=(),
        metrics=(),
        epochs=4,
        status="FINISHED",
        tags=(),
        environment=(),
        **files,
    ):
        folder = tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}"
        folder.mkdir()
        dataset = data() if dataset is None else dataset
        (folder / "dataset.json").write_text(json.dumps(dataset))
        (folder / "environment.json").write_text(json.dumps(ENVIRONMENT | dict(environment)))
        (folder / "config.yaml").write_text("seed: 0")
        told = dict(metrics)
        if predicted is not None:
            matrix = np.zeros((3, 3), int)
            np.add.at(matrix, (TRUE, predicted), 1)
            rows = [{"class": c, "recall": matrix[i, i] / 40, "support": 40} for i, c in enumerate(CLASSES)]
            write(
                folder / "confusion" / "test.json",
                json.dumps({"classes": CLASSES, "matrix": matrix.tolist(), "per_class": rows}),
            )
            accuracy = float(np.mean(predicted == TRUE))
            told = {"test/accuracy": accuracy, "best/val_accuracy": accuracy, "best/epoch": epochs} | told
            (folder / "predictions").mkdir()
            np.savez(
                folder / "predictions" / "test.npz", index=np.arange(120), true=TRUE, predicted=predicted
            )
        for path, text in files.items():
            write(folder / path.replace("__", "/").replace("_json", ".json"), json.dumps(text))
        score = "r2" if dataset.get("task") == "regression" else "accuracy"
        lines = [
            {
                "kind": "run",
                "time": 1_795_000_000_000,
                "name": name,
                "params": PARAMS | dict(params),
                "tags": TAGS | dict(tags),
            }
        ]
        lines[0]["destination"] = None
        for i in range(1, epochs + 1):
            values = {
                "train/loss": 1 / i,
                "val/loss": 1.1 / i,
                f"val/{score}": 1 - 0.5 / i,
                "lr": 0.01 / i,
                "grad_norm/dense1": 2.0,
            }
            lines.append({"kind": "metrics", "time": 1_795_000_000_000, "step": i, "values": values})
        lines.append({"kind": "metrics", "time": 1_795_000_001_000, "step": 0, "values": told})
        lines += (
            [{"kind": "end", "time": 1_795_000_002_000, "status": status}] if status != "UNFINISHED" else []
        )
        (folder / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return in_folder(folder)

    return make


def write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def whats(found):
    return [caution.what for caution in found.cautions]


def curves_of(found):
    return [RunCurves(label=side.letter, unit=side.unit, history=side.epochs) for side in found.sides]


def drawn(found):
    runs = curves_of(found)
    panels = [svg(metric_curves(runs, metric)) for metric in metric_names(runs)]
    differences = [difference(d.matrix, d.baseline, d.classes, d.part, d.base).draw() for d in found.mistakes]
    return page(found, panels, list(map(svg, differences)))


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (9, 1), (3, 3), (0, 20), (14, 6)])
def test_mcnemars_p_is_that_of_a_fair_coin(b, c):
    base, other = np.ones(60, bool), np.ones(60, bool)
    base[:b] = False
    other[b : b + c] = False
    found = McNemar.of(Answers(np.arange(60), TRUE[:60], base), Answers(np.arange(60), TRUE[:60], other))
    tail = sum(comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    assert (found.only_other, found.only_base, found.n) == (b, c, 60)
    assert found.p == pytest.approx(min(1.0, 2 * tail))
    low, high = found.interval
    assert low < (b - c) / 62 < high
    assert (low, high) == pytest.approx((-high, -low)) if b == c else True


def test_a_difference_that_is_more_than_chance_is_told_with_its_size(recorded):
    found = compare([recorded(predicted=wrong(*range(30))), recorded(predicted=wrong(0, 1, 119))])
    assert found.headline.startswith(
        "B is better than A by 22.50 percentage points on test, more than chance explains (p = "
    )
    assert found.headline.endswith("; on validation B is ahead by 22.50 percentage points")
    (gap,) = found.gaps
    assert (gap.mcnemar.only_other, gap.mcnemar.only_base) == (28, 1)
    assert not found.cautions


def test_a_difference_that_may_be_chance_makes_no_winner(recorded):
    found = compare(
        [recorded(predicted=wrong(0, 1)), recorded(predicted=wrong(5), metrics={"best/val_accuracy": 0.9})]
    )
    assert found.headline == (
        "No clear winner: B is ahead of A by 0.83 percentage points on test, which may be chance (p = 1.00); "
        "on validation A is ahead by 8.33 percentage points"
    )


def test_equal_networks_are_level(recorded):
    found = compare([recorded(predicted=wrong(3)), recorded("other", predicted=wrong(4))])
    assert found.headline == "A and B are level on test; on validation they are level"


def test_without_predictions_nothing_is_said_of_chance(recorded):
    run = recorded(predicted=wrong(3))
    (run.folder / "predictions" / "test.npz").write_bytes(b"PK cut short")
    found = compare([run, recorded(predicted=wrong())])
    assert found.headline.startswith("B is ahead of A by 0.83 percentage points on test; on validation B")
    assert found.gaps[0].untested == "A kept no predictions of the test examples"
    assert "not tested: A kept no predictions" in page(found, [], [])


def test_a_table_of_names_is_read_like_an_array_of_numbers(recorded):
    import pyarrow as pa
    from pyarrow import parquet

    runs = [recorded(predicted=wrong(*range(30))), recorded(predicted=wrong(0, 1, 119))]
    expected = compare(runs).gaps[0].mcnemar
    folder = runs[1].folder / "predictions"
    with np.load(folder / "test.npz") as found:
        order = np.random.default_rng(0).permutation(120)
        named = {key: pa.array(np.asarray(CLASSES)[found[key][order]]) for key in ("true", "predicted")}
        parquet.write_table(pa.table({"index": pa.array(order), **named}), folder / "test.parquet")
    (folder / "test.npz").unlink()
    assert compare(runs).gaps[0].mcnemar == expected


def test_of_many_the_best_is_chosen_by_validation_and_p_is_corrected(recorded):
    runs = [
        recorded(f"run{i}", predicted=wrong(*range(9 - i)), metrics={"best/val_accuracy": 0.5 + i / 100})
        for i in range(5)
    ]
    found = compare(runs)
    assert found.headline == f"By validation, E is the best of 5: 54.00%, {100 * 115 / 120:.2f}% on test"
    assert corrected(found.gaps) == 0.05 / 4
    assert len(found.mistakes) == 3
    assert "name fewer runs" in found.left_out[0]
    assert "below 0.0125 (Bonferroni)" in page(found, [], [])


def test_every_param_that_differs_is_there_also_where_one_run_lacks_it(recorded):
    base = recorded(params={"seed": "1", "optimizer.beta1": "0.9", "tracking.uri": "http://me:secret@there"})
    other = recorded(params={"optimizer": "sgd", "loss": "softmax_cross_entropy"})
    found = differing([ComparedRun.read("A", base), ComparedRun.read("B", other)])
    assert [(setting.key, setting.values) for setting in found] == [
        ("optimizer", ["adam", "sgd"]),
        ("optimizer.beta1", ["0.9", None]),
        ("seed", ["1", "0"]),
        ("tracking.uri", ["http://***@there", None]),
    ]
    assert [setting.learnt for setting in found] == [True, True, True, False]


@pytest.mark.parametrize(
    ("unlike", "says"),
    [
        ({"dataset": data(validation="w")}, "the split differs: A 120 (vvvvvvvvvv); B 120 (wwwwwwwwww)"),
        ({"dataset": data(test="u")}, "the test examples differ: A 120 (tttttttttt); B 120 (uuuuuuuuuu)"),
        ({"dataset": data(sha="e" * 64)}, "the data (SHA-256) differ: A zoo dddddddddd; B zoo eeeeeeeeee"),
        ({"params": {"seed": "1"}}, "the seeds differ: A 0; B 1"),
        (
            {"params": {"loss": "focal", "loss.gamma": "2"}},
            "the losses differ: A softmax_cross_entropy; B focal gamma=2",
        ),
        (
            {"tags": {"nnexp.git_commit": "9" * 40}},
            "the code (git commit) differs: A cccccccccc; B 9999999999",
        ),
        ({"tags": {"nnexp.git_dirty": "true"}}, "B was made with changes that were not committed"),
        ({"environment": {"threads": 2}}, "the numbers of threads differ: A 1; B 2"),
        ({"environment": {"cpu": "6502"}}, "the machines differ: A Z80, 1 cores; B 6502, 1 cores"),
        (
            {"environment": {"packages": {"numpy": "1.0"}}},
            "the versions of the linear algebra differ: A numpy 2.4.0; B numpy 1.0",
        ),
        ({"status": "KILLED"}, "B is KILLED"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.partition(":")[0],
)
def test_what_is_not_like_for_like_is_said(recorded, unlike, says):
    found = compare([recorded(predicted=wrong(1)), recorded("other", predicted=wrong(2), **unlike)])
    assert whats(found) == [says]
    assert html.escape(f"{says[0].upper()}{says[1:]}") in page(found, [], [])


def test_a_split_without_digests_is_told_by_its_params(recorded):
    found = compare([recorded(dataset={}), recorded(dataset={}, params={"data.fold": "3"})])
    assert whats(found) == ["the split differs: data.fold (A 0; B 3)"]


def test_scores_of_other_data_are_not_set_against_each_other(recorded):
    found = compare(
        [
            recorded(predicted=wrong(1)),
            recorded(predicted=wrong(), dataset=data(sha="e" * 64), metrics={"time/total": 3}),
        ]
    )
    assert found.headline == "A and B cannot be compared: their data are not the same"
    assert not found.mistakes
    assert not found.members
    assert {metric.name for metric in found.metrics if metric.better} == {"time/total"}


def test_test_scores_of_other_examples_are_not_subtracted(recorded):
    found = compare([recorded(predicted=wrong(1)), recorded(predicted=wrong(), dataset=data(test="u"))])
    assert found.gaps[0].test is None
    assert found.gaps[0].untested == "the test examples are not the same"
    best = {metric.name: metric.best for metric in found.metrics}
    assert not best["test/accuracy"]
    assert best["best/val_accuracy"] == {1}


def test_losses_that_are_not_the_same_have_no_best(recorded):
    found = compare(
        [recorded(metrics={"test/loss": 1.0}), recorded(metrics={"test/loss": 2.0}, params={"loss": "focal"})]
    )
    assert not next(metric for metric in found.metrics if metric.name == "test/loss").best


def test_the_best_of_each_metric_is_marked_in_its_direction(recorded):
    values = [
        {"test/loss": 1.0, "test/accuracy": 0.5, "time/total": 2.0, "best/epoch": 1},
        {"test/loss": float("nan"), "test/accuracy": 0.5},
    ]
    values.append({"test/loss": 0.5, "test/accuracy": 0.4, "time/total": 1.0, "best/epoch": 7})
    found = compare([recorded(metrics=each) for each in values])
    best = {metric.name: metric.best for metric in found.metrics}
    assert best["test/loss"] == {2}
    assert best["test/accuracy"] == {0, 1}
    assert best["time/total"] == {2}
    assert best["best/epoch"] == best["lr"] == set()
    assert [metric.name for metric in found.metrics if not metric.shown] == ["grad_norm/dense1", "lr"]


def test_confusion_matrices_are_compared_with_the_baselines(recorded):
    (found,) = compare([recorded(predicted=wrong(0, 1, 2)), recorded(predicted=wrong(0, 40))]).mistakes
    assert (found.matrix - found.baseline).tolist() == [[2, -2, 0], [0, -1, 1], [0, 0, 0]]


@pytest.mark.parametrize("n", [2, 30, 100])
def test_a_matrix_of_any_size_can_be_drawn(recorded, n, tmp_path):
    classes = [f"$class_{i} <of> many with long names" for i in range(n)]
    rng = np.random.default_rng(n)
    reports = []
    for _ in range(2):
        matrix = np.eye(n, dtype=int) * 5
        for row in rng.permutation(n)[: n // 2]:
            matrix[row, row] -= 1
            matrix[row, (row + 1) % n] += 1
        reports.append(
            {
                "classes": classes,
                "matrix": matrix.tolist(),
                "per_class": [{"class": c, "recall": 1, "support": 5} for c in classes],
            }
        )
    found = compare(
        [recorded(dataset=data(classes=classes), confusion__test_json=report) for report in reports]
    )
    assert drawn(found).count("$class_0 &lt;of&gt; many") == 1
    assert len(found.members) == n


def test_a_regression_and_several_labels_have_their_own_tables(recorded):
    fits = [
        {"r2": r2, "examples": 120, "per_target": [{"target": "weight", "r2": r2, "mae": 1.0}]}
        for r2 in (0.5, 0.75)
    ]
    regression = data(task="regression", classes=(), targets=("weight",))
    runs = [
        recorded(
            dataset=regression, metrics={"test/r2": fit["r2"], "best/val_r2": 0.7}, predictions__test_json=fit
        )
        for fit in fits
    ]
    found = compare(runs)
    assert found.headline == "B is ahead of A by 0.2500 of R2 on test; on validation they are level"
    assert "R2 of each target, test" in page(found, [], [])
    assert [member.values for member in found.members] == [[0.5, 0.75]]
    report = {"per_label": [{"label": "wild", "recall": 0.5, "support": 7}]}
    several = recorded(
        dataset=data(task="multilabel", classes=(), targets=("wild",)),
        labels__test_json=report,
        metrics={"test/accuracy": 0.5},
    )
    assert "Recall of each label" in page(compare([several, several]), [], [])
    assert (
        compare([runs[0], several]).headline
        == "A and B cannot be compared: one is a regression, the other a choice of several labels"
    )


def test_runs_with_nothing_in_common_are_drawn_and_it_is_said_what_cannot_be_compared(recorded):
    nothing = recorded("nothing", dataset={}, epochs=0, status="FAILED", tags={"nnexp.data_sha256": "none"})
    diverged = recorded(
        "diverged",
        epochs=2,
        metrics={"val/loss": float("nan"), "test/loss": float("inf")},
        status="UNFINISHED",
    )
    by_steps = recorded("steps", predicted=wrong(1), params={"trainer.evaluate_every": "7"}, epochs=30)
    found = compare([nothing, diverged, by_steps])
    text = drawn(found)
    assert "There is nothing to compare A with" in text
    assert "mistakes by class" in " ".join(found.left_out)
    assert {"A is FAILED", "B is UNFINISHED"} <= set(whats(found))
    assert not compare([nothing, nothing]).members
    assert "No run has learning curves" in drawn(compare([nothing, nothing]))


def test_the_same_run_twice_is_said(recorded):
    run = recorded(predicted=wrong(1))
    found = compare([run, run])
    assert found.headline == "A and B are the same run"
    assert whats(found) == ["A and B are the same run"]


def test_the_page_is_one_file_that_asks_for_nothing(recorded):
    found = compare(
        [
            recorded("<b>mine & $x", predicted=wrong(1)),
            recorded("yours", predicted=wrong(2), params={"optimizer": "<i>"}),
        ]
    )
    text = drawn(found)
    assert "<script" not in text
    assert set(re.findall(r'(?:src|href)="([^":]*:[^";]*)', text)) == {"data:image/svg+xml"}
    assert "url(" not in text
    assert "default-src 'none'" in text
    assert "&lt;b&gt;mine &amp; $x" in text
    assert "<b>mine" not in text
    assert "&lt;i&gt;" in text
    assert f"nnexp reproduce {found.sides[0].run.folder}" in text
    assert "nnexp data=zoo" in text


@pytest.mark.parametrize(
    ("n", "says"), [(0, "name two or more"), (1, "1 run to compare"), (11, "more than 10")]
)
def test_too_few_and_too_many_are_refused(n, says):
    with pytest.raises(RunError, match=says):
        check_number(n)


def test_numbers_are_written_as_one_reads_them():
    told = [
        ("test/accuracy", 0.97666),
        ("val/loss", 0.07249),
        ("best/epoch", 3),
        ("time/total", 2.5432),
        ("time/total", 1234.5),
    ]
    assert [shown(*each) for each in told] == ["97.67%", "0.0725", "3", "2.54 s", "20m34s"]
    assert [shown("lr", value) for value in (None, float("nan"), 1.23456e-7, 131560.7)] == [
        "-",
        "nan",
        "1.235e-07",
        "131,561",
    ]
    assert [p_value(p) for p in (1e-10, 0.0123, 0.81)] == ["1.0e-10", "0.012", "0.81"]
    assert [amount(0.0110, "accuracy"), amount(0.00001, "accuracy")] == [
        "1.10 percentage points",
        "0.001 percentage points",
    ]
