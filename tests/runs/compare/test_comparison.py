import html
import json
import re
from math import comb

import numpy as np
import pytest

from nnexp.runs.compare.compared_run import ExampleResults
from nnexp.runs.compare.comparison import check_number, compare
from nnexp.runs.compare.report import write
from nnexp.runs.compare.significance import McNemar, corrected_level
from nnexp.runs.query import RunError
from nnexp.runs.run import in_folder

CLASSES = ["ape", "bee", "cat"]
TRUE = np.repeat([0, 1, 2], 40)
LOSS = {"loss": "softmax_cross_entropy"}
PARAMS = LOSS | {"data": "zoo", "data.fold": "0", "optimizer": "adam", "optimizer.lr": "0.007", "seed": "0"}
MACHINE = {"cpu": "Z80", "cores": 1, "threads": 1, "packages": {"numpy": "2.4.0"}}
ENVIRONMENT = MACHINE | {"command": "nnexp data=zoo"}
TAGS = {"nnexp.data_sha256": "d" * 64, "nnexp.git_commit": "c" * 40, "nnexp.git_dirty": "false"}
TIME = 1_795_000_000_000


def wrong(*rows):
    predicted = TRUE.copy()
    predicted[list(rows)] = (predicted[list(rows)] + 1) % 3
    return predicted


def data(sha="d" * 64, task="classification", classes=CLASSES, targets=(), validation="v", test="t"):
    digests = {"training": "r", "validation": validation, "test": test}
    splits = {name: {"examples": 120, "digest": digest * 64} for name, digest in digests.items()}
    names = {"classes": list(classes), "targets": list(targets)}
    return {"name": "zoo", "sha256": sha, "task": task, **names, "splits": splits}


def write_json(path, content):
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(json.dumps(content))


def write_predictions(folder, predicted):
    """Writes the report and the predictions of a classifier; returns its metrics."""
    matrix = np.zeros((3, 3), int)
    np.add.at(matrix, (TRUE, predicted), 1)
    rows = [{"class": c, "recall": matrix[i, i] / 40, "support": 40} for i, c in enumerate(CLASSES)]
    report = {"classes": CLASSES, "matrix": matrix.tolist(), "per_class": rows}
    write_json(folder / "confusion" / "test.json", report)
    (folder / "predictions").mkdir()
    arrays = {"index": np.arange(120), "true": TRUE, "predicted": predicted}
    np.savez(folder / "predictions" / "test.npz", **arrays)
    accuracy = float(np.mean(predicted == TRUE))
    return {"test/accuracy": accuracy, "best/val_accuracy": accuracy}


@pytest.fixture
def recorded(tmp_path):
    def make(name="zoo-mlp", predicted=None, dataset=None, metrics=(), report=None, **options):
        status, epochs = options.get("status", "FINISHED"), options.get("epochs", 4)
        folder = tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}"
        dataset = data() if dataset is None else dataset
        write_json(folder / "dataset.json", dataset)
        write_json(folder / "environment.json", ENVIRONMENT | options.get("environment", {}))
        write_json(folder / "config.yaml", {"seed": 0})
        final = write_predictions(folder, predicted) if predicted is not None else {}
        final |= {"best/epoch": epochs} | dict(metrics)
        if report is not None:
            write_json(folder / report[0], report[1])
        head = {"kind": "run", "time": TIME, "destination": None, "name": name}
        head |= {"params": PARAMS | options.get("params", {}), "tags": TAGS | options.get("tags", {})}
        lines = [head | {"unit": options.get("unit", "epoch")}]
        score = "r2" if dataset.get("task") == "regression" else "accuracy"
        for i in range(1, epochs + 1):
            values = {"train/loss": 1 / i, "val/loss": 1.1 / i, "lr": 0.01 / i, "grad_norm/dense1": 2.0}
            values[f"val/{score}"] = 1 - 0.5 / i
            lines.append({"kind": "metrics", "time": TIME, "step": i, "values": values})
        lines.append({"kind": "metrics", "time": TIME, "step": 0, "values": final})
        if status != "UNFINISHED":
            lines.append({"kind": "end", "time": TIME + 2000, "status": status})
        (folder / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return in_folder(folder)

    return make


def whats(comparison):
    return [caveat.what for caveat in comparison.caveats]


@pytest.fixture
def page(tmp_path):
    return lambda comparison: write(comparison, tmp_path / "page")[0].read_text()


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (9, 1), (3, 3), (0, 20), (14, 6)])
def test_the_p_value_is_that_of_a_binomial_test(b, c):
    base, other = np.ones(60, bool), np.ones(60, bool)
    base[:b] = False
    other[b : b + c] = False
    index = np.arange(60)
    result = McNemar.of(*(ExampleResults(index, TRUE[:60], correct) for correct in (base, other)))
    tail = sum(comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    assert (result.only_other, result.only_base, result.n) == (b, c, 60)
    assert result.p == pytest.approx(min(1.0, 2 * tail))
    low, high = result.interval
    assert low < (b - c) / 62 < high
    assert (low, high) == pytest.approx((-high, -low)) if b == c else True


def test_a_significant_difference_names_the_better_run_and_its_size(recorded):
    comparison = compare([recorded(predicted=wrong(*range(30))), recorded(predicted=wrong(0, 1, 119))])
    main, detail = comparison.headline
    assert main.startswith("B is better than A by 22.50 percentage points on test, ")
    assert detail == "on validation B is ahead by 22.50 percentage points"
    (result,) = comparison.results
    assert (result.mcnemar.only_other, result.mcnemar.only_base) == (28, 1)
    assert not comparison.caveats


def test_a_difference_that_may_be_chance_has_no_winner(recorded):
    other = recorded(predicted=wrong(5), metrics={"best/val_accuracy": 0.9})
    main, detail = compare([recorded(predicted=wrong(0, 1)), other]).headline
    assert main.startswith("No clear winner: B is ahead of A by 0.83 percentage points on test, ")
    assert "p = 1.00" in main
    assert detail == "on validation A is ahead by 8.33 percentage points"


def test_equal_networks_are_level(recorded):
    comparison = compare([recorded(predicted=wrong(3)), recorded("other", predicted=wrong(4))])
    assert comparison.headline == ("A and B are level on test", "on validation they are level")


def test_without_predictions_significance_is_not_tested(recorded, page):
    run = recorded(predicted=wrong(3))
    (run.folder / "predictions" / "test.npz").write_bytes(b"PK cut short")
    comparison = compare([run, recorded(predicted=wrong())])
    assert comparison.headline[0] == "B is ahead of A by 0.83 percentage points on test"
    reason = comparison.results[0].test_skipped_reason
    assert reason.startswith("A has no predictions")
    assert reason in page(comparison)


def test_a_table_of_predictions_is_read_like_their_arrays(recorded):
    import pyarrow as pa
    from pyarrow import parquet

    runs = [recorded(predicted=wrong(*range(30))), recorded(predicted=wrong(0, 1, 119))]
    expected = compare(runs).results[0].mcnemar
    folder = runs[1].folder / "predictions"
    with np.load(folder / "test.npz") as arrays:
        order = np.random.default_rng(0).permutation(120)
        named = {key: pa.array(np.asarray(CLASSES)[arrays[key][order]]) for key in ("true", "predicted")}
        parquet.write_table(pa.table({"index": pa.array(order), **named}), folder / "test.parquet")
    (folder / "test.npz").unlink()
    assert compare(runs).results[0].mcnemar == expected


def test_of_many_runs_the_best_is_chosen_by_validation_and_the_level_is_corrected(recorded, page):
    scores = [0.5 + i / 100 for i in range(5)]
    runs = [
        recorded(f"run{i}", predicted=wrong(*range(9 - i)), metrics={"best/val_accuracy": score})
        for i, score in enumerate(scores)
    ]
    comparison = compare(runs)
    expected = f"By validation, E is the best of 5: 54.00%, {115 / 120:.2%} on test"
    assert comparison.headline == (expected, "")
    assert corrected_level(comparison.results) == 0.05 / 4
    assert len(comparison.confusion_differences) == 3
    assert "name fewer runs" in comparison.skipped[0]
    assert "below 0.0125 (Bonferroni)" in page(comparison)


def test_every_param_that_differs_is_listed_also_where_one_run_lacks_it(recorded):
    base = recorded(params={"seed": "1", "optimizer.beta1": "0.9", "tracking.uri": "http://me:secret@there"})
    params = compare([base, recorded(params={"optimizer": "sgd"})]).params
    assert [(each.key, each.values, each.learned) for each in params] == [
        ("optimizer", ["adam", "sgd"], True),
        ("optimizer.beta1", ["0.9", None], True),
        ("seed", ["1", "0"], True),
        ("tracking.uri", ["http://***@there", None], False),
    ]


@pytest.mark.parametrize(
    ("unlike", "expected"),
    [
        ({"dataset": data(validation="w")}, "the split differs: A 120 (vvvvvvvvvv); B 120 (wwwwwwwwww)"),
        ({"dataset": data(test="u")}, "the test examples differ: A 120 (tttttttttt); B 120 (uuuuuuuuuu)"),
        ({"dataset": data(sha="e" * 64)}, "the data (SHA-256) differ: A zoo dddddddddd; B zoo eeeeeeeeee"),
        ({"params": {"seed": "1"}}, "the seeds differ: A 0; B 1"),
        ({"params": {"loss": "focal", "loss.gamma": "2"}}, "the losses differ: A {loss}; B focal gamma=2"),
        ({"tags": {"nnexp.git_commit": "9" * 40}}, "the code (git commit) differs: A {c}; B 9999999999"),
        ({"tags": {"nnexp.git_dirty": "true"}}, "uncommitted changes in B"),
        ({"environment": {"threads": 2}}, "the environments differ: threads (A 1; B 2)"),
        ({"environment": {"cpu": "6502"}}, "the environments differ: CPU (A Z80; B 6502)"),
        ({"environment": {"packages": {"numpy": "1.0"}}}, "the environments differ: NumPy (A 2.4.0; B 1.0)"),
        ({"status": "KILLED"}, "B is KILLED"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.partition(":")[0],
)
def test_a_difference_that_limits_the_comparison_is_a_caveat(recorded, unlike, expected, page):
    expected = expected.format(loss=LOSS["loss"], c="c" * 10)
    comparison = compare([recorded(predicted=wrong(1)), recorded("other", predicted=wrong(2), **unlike)])
    assert whats(comparison) == [expected]
    assert html.escape(f"{expected[0].upper()}{expected[1:]}") in page(comparison)


def test_a_split_without_digests_is_compared_by_its_params(recorded):
    comparison = compare([recorded(dataset={}), recorded(dataset={}, params={"data.fold": "3"})])
    assert whats(comparison) == ["the split differs: data.fold (A 0; B 3)"]


def test_scores_of_different_data_are_not_compared(recorded):
    other = recorded(predicted=wrong(), dataset=data(sha="e" * 64), metrics={"time/total": 3})
    comparison = compare([recorded(predicted=wrong(1)), other])
    assert comparison.headline[0].startswith("A and B cannot be compared: their data are not the same")
    assert not comparison.confusion_differences
    assert not comparison.outputs
    directed = {metric.name for metric in comparison.metrics if metric.direction != "neither"}
    assert directed == {"time/total"}


def test_test_scores_of_different_examples_are_not_subtracted(recorded):
    other = recorded(predicted=wrong(), dataset=data(test="u"))
    comparison = compare([recorded(predicted=wrong(1)), other])
    assert comparison.results[0].test_difference is None
    assert comparison.results[0].test_skipped_reason == "the test examples are not the same"
    best = {metric.name: metric.best for metric in comparison.metrics}
    assert not best["test/accuracy"]
    assert best["best/val_accuracy"] == {1}


def test_values_of_different_losses_have_no_best(recorded):
    other = recorded(metrics={"test/loss": 2.0}, params={"loss": "focal"})
    comparison = compare([recorded(metrics={"test/loss": 1.0}), other])
    assert not next(metric for metric in comparison.metrics if metric.name == "test/loss").best


def test_the_best_of_each_metric_is_marked_in_its_direction(recorded):
    values = [
        {"test/loss": 1.0, "test/accuracy": 0.5, "time/total": 2.0, "best/epoch": 1},
        {"test/loss": float("nan"), "test/accuracy": 0.5},
        {"test/loss": 0.5, "test/accuracy": 0.4, "time/total": 1.0, "best/epoch": 7},
    ]
    comparison = compare([recorded(metrics=each) for each in values])
    best = {metric.name: metric.best for metric in comparison.metrics}
    assert (best["test/loss"], best["test/accuracy"], best["time/total"]) == ({2}, {0, 1}, {2})
    assert best["best/epoch"] == best["lr"] == set()
    others = [metric.name for metric in comparison.metrics if not metric.is_main]
    assert others == ["grad_norm/dense1", "lr"]


def test_confusion_matrices_are_compared_with_the_baselines(recorded):
    runs = [recorded(predicted=wrong(0, 1, 2)), recorded(predicted=wrong(0, 40))]
    comparison = compare(runs)
    (difference,) = comparison.confusion_differences
    plain = [(each.letter, each.matrix.tolist()) for each in comparison.confusion_matrices]
    assert plain == [("A", difference.baseline.tolist()), ("B", difference.matrix.tolist())]
    assert (difference.matrix - difference.baseline).tolist() == [[2, -2, 0], [0, -1, 1], [0, 0, 0]]


@pytest.mark.parametrize("n", [2, 30, 100])
def test_any_number_of_classes_fits_the_page(recorded, n, page):
    classes = [f"$class_{i} <of> many with long names" for i in range(n)]
    rows = [{"class": name, "recall": 1, "support": 5} for name in classes]
    reports = []
    for shift in (1, 2):
        matrix = np.eye(n, dtype=int) * 4 + np.roll(np.eye(n, dtype=int), shift, axis=1)
        reports.append({"classes": classes, "matrix": matrix.tolist(), "per_class": rows})
    dataset = data(classes=classes)
    runs = [recorded(dataset=dataset, report=("confusion/test.json", report)) for report in reports]
    comparison = compare(runs)
    assert page(comparison).count("$class_0 &lt;of&gt; many") == 1
    assert len(comparison.outputs) == n


def test_a_regression_and_a_multilabel_classification_have_their_own_tables(recorded, page):
    regression = data(task="regression", classes=(), targets=("weight",))
    fits = []
    for r2 in (0.5, 0.75):
        report = {"r2": r2, "examples": 120, "per_target": [{"target": "weight", "r2": r2, "mae": 1.0}]}
        metrics = {"test/r2": r2, "best/val_r2": 0.7}
        fits.append(recorded(dataset=regression, metrics=metrics, report=("predictions/test.json", report)))
    comparison = compare(fits)
    expected = ("B is ahead of A by 0.2500 of R2 on test", "on validation they are level")
    assert comparison.headline == expected
    assert "Per target: r2, test" in page(comparison)
    assert [output.values for output in comparison.outputs] == [[0.5, 0.75]]
    report = {"per_label": [{"label": "wild", "recall": 0.5, "support": 7}]}
    multilabel = data(task="multilabel", classes=(), targets=("wild",))
    metrics = {"test/accuracy": 0.5}
    labels = recorded(dataset=multilabel, report=("labels/test.json", report), metrics=metrics)
    assert "Per label: recall" in page(compare([labels, labels]))
    expected = "A and B cannot be compared: one is a regression, the other a multilabel classification"
    assert compare([fits[0], labels]).headline[0] == expected


def test_runs_with_nothing_in_common_have_a_page_that_says_what_was_not_compared(recorded, page):
    tags = {"nnexp.data_sha256": "none"}
    nothing = recorded("nothing", dataset={}, epochs=0, status="FAILED", tags=tags)
    metrics = {"val/loss": float("nan"), "test/loss": float("inf")}
    diverged = recorded("diverged", epochs=2, metrics=metrics, status="UNFINISHED")
    by_steps = recorded("steps", predicted=wrong(1), unit="step", epochs=30)
    comparison = compare([nothing, diverged, by_steps])
    assert "No run can be compared with A" in page(comparison)
    assert "errors by class" in " ".join(comparison.skipped)
    assert {"A is FAILED", "B is UNFINISHED"} <= set(whats(comparison))
    assert not compare([nothing, nothing]).outputs
    assert "No run has learning curves" in page(compare([nothing, nothing]))


def test_the_same_run_twice_is_reported(recorded):
    run = recorded(predicted=wrong(1))
    comparison = compare([run, run])
    assert comparison.headline[0] == "A and B are the same run"
    assert whats(comparison) == ["A and B are the same run"]
    assert comparison.caveats[0].severity == "error"


def test_the_page_is_one_file_that_loads_nothing_and_escapes_names(recorded, page):
    other = recorded("yours", predicted=wrong(2), params={"optimizer": "<i>"})
    comparison = compare([recorded("<b>mine & $x", predicted=wrong(1)), other])
    text = page(comparison)
    assert "<script" not in text
    assert set(re.findall(r'(?:src|href)="([^":]*:[^";]*)', text)) == {"data:image/svg+xml"}
    assert "url(" not in text
    assert "default-src 'none'" in text
    assert "&lt;b&gt;mine &amp; $x" in text
    assert "<b>mine" not in text
    assert "&lt;i&gt;" in text
    assert f"nnexp reproduce {comparison.runs[0].run.folder}" in text
    assert "nnexp data=zoo" in text


@pytest.mark.parametrize("n", [0, 1, 11])
def test_too_few_and_too_many_runs_are_refused(n):
    with pytest.raises(RunError, match=f"{n} runs? to compare, expected 2 to 10"):
        check_number(n)
