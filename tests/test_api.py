"""The public names: `import nnexp` in a script, a notebook, a thread."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.third_party import accepts_warnings

import nnexp
from nnexp.data.images.digits import Digits

pytestmark = accepts_warnings
QUICK = ["data=digits", "trainer.epochs=2", "tracking=none"]


def quick(*overrides):
    return nnexp.run([*QUICK, *overrides], display="quiet")


def test_the_import_is_light_and_names_are_completed():
    code = """
import sys, nnexp
heavy = {"mlflow", "matplotlib", "sklearn", "pandas", "hydra", "numpy"} & {*sys.modules}
assert not heavy, heavy
assert {*nnexp.__all__} <= {*dir(nnexp)}
nnexp.compose(["data=digits"])
assert not {"mlflow", "matplotlib", "sklearn"} & {*sys.modules}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_quiet_run_prints_nothing_and_other_displays_do(capfd):
    quick()
    assert capfd.readouterr() == ("", "")
    nnexp.run(QUICK, display="line")
    assert capfd.readouterr().out.count("\n") == 1
    nnexp.run(" ".join(QUICK))
    assert "epoch 2/2" in capfd.readouterr().out


def test_a_result_is_five_lines_of_text_or_a_table_of_html(alone):
    result = quick('tracking.run_name="<b>"')
    label, *texts = zip(*(line.split(maxsplit=1) for line in repr(result).splitlines()), strict=True)
    assert label == ("run", "trained", "best", "test", "folder")
    assert texts[0][1].startswith("2 epochs, ")
    assert f"accuracy {result.metrics['test/accuracy']:.2%}" in texts[0][3]
    html = result._repr_html_()
    assert html.count("<tr>") == 5
    assert "&lt;b&gt;, FINISHED" in html
    assert len(html) < 1000
    assert repr(nnexp.load(result)).splitlines()[2:] == repr(result).splitlines()[2:]


def test_a_run_is_loaded_by_its_id_name_folder_path_or_result(store):
    result = nnexp.run(["data=digits", "trainer.epochs=2"], display="quiet")
    for name in (result.run_id[:6], result.name, "last", "best", result.folder, str(result.folder), result):
        loaded = nnexp.load(name)
        np.testing.assert_array_equal(loaded.network.theta, result.network.theta)
        assert loaded.config.trainer.epochs == 2
        pd.testing.assert_frame_equal(loaded.history_frame(), result.history_frame())
        for split, evaluation in result.splits.items():
            frame = loaded.predictions[split]
            assert (frame["true"] == frame["predicted"]).mean() == evaluation.report.accuracy
            np.testing.assert_array_equal(frame["confidence"], evaluation.predictions.confidence)
        assert loaded.metrics["test/accuracy"] == result.metrics["test/accuracy"]


def test_the_history_has_the_metrics_of_mlflow_by_epoch(store):
    result = nnexp.run(["data=digits", "trainer.epochs=3"], display="quiet")
    frame = result.history_frame()
    assert (frame.index.name, frame.index.tolist()) == ("epoch", [1, 2, 3])
    assert frame["val/loss"].tolist() == [record.val_loss for record in result.history]
    logged = {
        name for name in nnexp.load("last").metrics if not name.startswith(("best/", "test/", "system/"))
    }
    assert {*frame.columns} == logged - {"time/total"}


def test_a_loaded_configuration_runs_again_as_it_is_and_changed(alone):
    first = quick()
    config = nnexp.load(first).config
    again = nnexp.run(config, display="quiet")
    np.testing.assert_array_equal(again.network.theta, first.network.theta)
    config.trainer.epochs = 1
    assert nnexp.run(config, display="quiet").epochs == 1


def test_a_section_that_was_replaced_is_recorded_under_its_own_name(alone):
    config = nnexp.compose(QUICK)
    config.optimizer = nnexp.compose("optimizer=lion").optimizer
    config.init = {"_target_": "nnexp.nn.initializers.Constant", "value": 0.1}
    config.trainer.epochs = 1
    result = nnexp.run(config, display="quiet")
    assert "-constant-lion-" in result.name
    choices = nnexp.load(result).run.params
    assert (choices["optimizer"], choices["init"], choices["model"]) == ("lion", "constant", "mlp")
    assert config.choices.optimizer == "adam"


def test_predictions_for_a_frame_keep_its_index_and_agree_with_the_run(alone):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.standard_normal(80), "kind": [*"ab"] * 40})
    frame["y"] = np.where(frame["x"] + (frame["kind"] == "a") > 0, "yes", "no")
    frame.to_csv("t.csv", index=False)
    overrides = ["data=table", "data.path=t.csv", "data.target=y", "trainer.epochs=3", "tracking=none"]
    result = nnexp.run(overrides, display="quiet")
    new = frame.drop(columns="y").set_index(frame.index + 100)
    predicted = nnexp.predict(result, new)
    assert predicted.index.equals(new.index)
    assert predicted.columns.tolist() == ["prediction", "confidence", "p_no", "p_yes"]
    pd.testing.assert_frame_equal(
        nnexp.predict(result, "t.csv")[["p_yes"]], predicted.reset_index()[["p_yes"]]
    )
    loaded = nnexp.load(result)
    assert loaded.predict(new).equals(predicted)
    with pytest.raises(nnexp.UserError, match="kind"):
        nnexp.predict(result, new[["x"]])


def test_images_are_predicted_as_they_are_stored(alone):
    result = quick()
    data = Digits(validation=0.2, root="").load()
    predicted = nnexp.predict(result, data.x_test.reshape(-1, 8, 8))
    accuracy = (predicted["prediction"].astype(int) == data.y_test).mean()
    assert accuracy == result.metrics["test/accuracy"]


def test_recorded_runs_are_a_frame_with_the_columns_of_csv(store):
    for seed in (0, 1):
        nnexp.run(["data=digits", "trainer.epochs=1", f"seed={seed}"], display="quiet")
    frame = nnexp.runs()
    assert frame["seed"].tolist() == ["1", "0"]
    assert frame["best/val_accuracy"].dtype == "float64"
    assert str(frame["started"].dtype).startswith("datetime64")
    best = nnexp.runs(sort="best/val_accuracy", top=1)
    assert best["best/val_accuracy"].tolist() == [frame["best/val_accuracy"].max()]
    assert nnexp.runs('params.seed = "0"')["id"].tolist() == frame["id"].tolist()[1:]
    assert nnexp.runs('params.seed = "9"').empty
    with pytest.raises(nnexp.UserError, match="cannot parse"):
        nnexp.runs("seed == 0 and")


def test_runs_in_threads_and_in_an_event_loop_are_those_of_the_main_thread(alone):
    alone_result = quick("seed=3")
    with ThreadPoolExecutor(3) as pool:
        results = [*pool.map(lambda seed: quick(f"seed={seed}"), (3, 4, 3))]

    async def in_loop():
        return quick("seed=3")

    for result in (results[0], results[2], asyncio.run(in_loop())):
        np.testing.assert_array_equal(result.network.theta, alone_result.network.theta)
    assert len({result.folder for result in results}) == 3


def test_a_run_after_one_that_failed_is_as_any_other(alone):
    expected = quick().network.theta
    with pytest.raises(nnexp.UserError, match="diverged"):
        quick("optimizer=sgd", "optimizer.lr=1e30")
    with pytest.raises(nnexp.UserError, match="must be a number > 0"):
        quick("optimizer.lr=-1")
    np.testing.assert_array_equal(quick().network.theta, expected)


def test_a_folder_may_be_relative_and_new_and_holds_one_run(alone):
    result = nnexp.run(QUICK, folder="a/b", display="quiet")
    assert result.folder == alone / "a" / "b"
    assert (Path("a/b") / "config.yaml").is_file()
    with pytest.raises(nnexp.UserError, match="already holds a run"):
        nnexp.run(QUICK, folder="a/b", display="quiet")


def test_an_application_of_hydra_around_it_stays_as_it_was(alone):
    import hydra

    (alone / "own").mkdir()
    (alone / "own" / "config.yaml").write_text("a: 1\n")
    with hydra.initialize_config_dir(str(alone / "own"), version_base="1.3"):
        assert quick().status == "FINISHED"
        assert hydra.compose("config", ["a=2"]).a == 2


def test_overrides_may_be_one_text_and_a_key_set_wrongly_later_is_reported_with_a_guess():
    config = nnexp.compose("data=digits 'tracking.run_name=\"two words\"'")
    assert config.tracking.run_name == "two words"
    config.trainer.epoch = 3
    with pytest.raises(nnexp.UserError, match=r"did you mean trainer\.epochs\?"):
        nnexp.run(config, display="quiet")


def test_a_path_may_be_an_object(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("wine.csv").write_text(
        "a,y\n" + "".join(f"{n},{'uv'[n % 2]}\n" for n in range(60)), encoding="utf-8"
    )
    config = nnexp.compose([*QUICK, "data=table", "data.path=other.csv", "data.target=y"])
    config.data.path = tmp_path / "wine.csv"
    assert nnexp.run(config, display="quiet").status == "FINISHED"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nnexp.compose(["optimzer=adam"]), "did you mean optimizer"),
        (lambda: nnexp.compose("trainer.epochs=-1"), "must be a whole number >= 1"),
        (lambda: nnexp.run(QUICK, display="quite"), "did you mean quiet?"),
        (lambda: nnexp.load("nowhere"), "no runs here yet"),
    ],
    ids=["key", "value", "display", "run"],
)
def test_notebooks_show_the_message_of_an_error_and_no_traceback(call, message, monkeypatch, store):
    with pytest.raises(nnexp.UserError) as caught:
        call()
    (text,) = caught.value._render_traceback_()
    assert text.startswith("nnexp: ")
    assert message in text
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(NotImplementedError):
        caught.value._render_traceback_()
