"""Configurations and stored files may come from anyone: nothing in them decides which code runs."""

import json
import shutil
from pathlib import Path

import pytest
from fixtures.third_party import HAS_ONNX, accepts_warnings

import nnexp
from nnexp.cli.commands import export, predict, reproduce
from nnexp.config import build
from nnexp.errors import UserError
from nnexp.serving.errors import PredictorError
from nnexp.serving.predictor import Predictor
from nnexp.serving.pyfunc import PyfuncModel

pytestmark = accepts_warnings
TOUCH = "command: touch canary"
SYSTEM = f"{{_target_: os.system, {TOUCH}}}"
POSIX = f"{{_target_: posix.system, {TOUCH}}}"
SECTIONS = {
    "a component": f"model: {SYSTEM}",
    "the standard library as a plugin": f"plugins: [os, posix]\nloss: {POSIX}",
    "a function of a dependency": "plugins: [numpy]\nloss: {_target_: numpy.testing.rundocs, filename: x}",
    "nested": f"model: {{hidden: [{SYSTEM}]}}",
    "partial": f"loss: {{_target_: os.system, _partial_: true, {TOUCH}}}",
    "positional": "plugins: [os]\nloss: {_target_: os.system, _args_: [touch canary]}",
    "get_method": "plugins: [hydra]\nloss: {_target_: hydra.utils.get_method, path: os.system}",
    "a variable": f"loss: {{_target_: '${{oc.env:TARGET}}', {TOUCH}}}",
    "a section from a variable": "loss: ${oc.decode:${oc.env:SECTION}}",
    "a module that runs": "plugins: [this_runs]\nloss: {_target_: this_runs.__main__.Loss}",
    "a callback": f"hydra: {{callbacks: {{x: {SYSTEM}}}}}",
    "within a callback": f"hydra: {{callbacks: {{mine: {{a: {SYSTEM}}}}}}}",
    "a callback from a variable": "hydra: {callbacks: {x: '${oc.decode:${oc.env:SECTION}}'}}",
    "a launcher": f"hydra: {{launcher: {SYSTEM}}}",
    "a sweeper": f"hydra: {{sweeper: {SYSTEM}}}",
    "a log handler": f"hydra: {{job_logging: {{handlers: {{x: {{(): os.system, {TOUCH}}}}}}}}}",
    "a class of a log": "hydra: {hydra_logging: {handlers: {x: {class: subprocess.getoutput, args: x}}}}",
    "an object of a log": "hydra: {job_logging: {handlers: {file: {stream: 'ext://os.system'}}}}",
    "a program of git's": "hydra: {job: {env_set: {GIT_EXTERNAL_DIFF: touch canary}}}",
    "variables from a variable": "hydra: {job: {env_set: '${oc.decode:${oc.env:SECTION}}'}}",
    "a tag of YAML": "seed: !!python/object/apply:os.system ['touch canary']",
}
MODELS = {
    "os.system": {"_target_": "os.system", "command": "touch canary"},
    "posix.system": {"_target_": "posix.system", "command": "touch canary"},
    "subprocess.Popen": {"_target_": "subprocess.Popen", "args": ["touch", "canary"]},
    "nnexp itself": {"_target_": "nnexp.experiment.upload_process.main"},
    "a module that runs": {"_target_": "this_runs.__main__.Model"},
    "nested": {
        "_target_": "nnexp.nn.models.model.MLP",
        "hidden": [{"_target_": "os.system", "command": "touch canary"}],
    },
}


@pytest.fixture(autouse=True)
def no_canary(alone, monkeypatch):
    monkeypatch.setenv("TARGET", "os.system")
    monkeypatch.setenv("SECTION", SYSTEM)
    (alone / "this_runs").mkdir()
    (alone / "this_runs" / "__main__.py").write_text("open('canary', 'w')")
    (alone / "this_runs" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(alone)
    yield
    assert not (alone / "canary").exists()


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)
def test_an_experiment_file_runs_no_code(alone, section):
    (alone / "conf" / "experiment").mkdir(parents=True)
    (alone / "conf" / "experiment" / "x.yaml").write_text(f"# @package _global_\n{section}\n")
    with pytest.raises(UserError) as caught:
        nnexp.compose(["data=digits", "experiment=x"], config_dir="conf")
    assert "Traceback" not in str(caught.value)


def test_hydra_s_own_handlers_launchers_and_harmless_variables_are_accepted():
    overrides = ["data=digits", "+hydra.job.env_set.OMP_NUM_THREADS='1'", "hydra/launcher=joblib"]
    nnexp.compose([*overrides, "hydra/job_logging=default", "hydra/hydra_logging=default"])


@pytest.fixture
def copied(trained, alone) -> Path:
    return Path(shutil.copytree(trained("data=digits").folder, alone / "copied"))


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_stored_network_runs_no_code(copied, model, alone):
    path = copied / "network.json"
    plugins = ["os", "posix", "subprocess", "this_runs"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model": model, "plugins": plugins}))
    with pytest.raises(PredictorError, match="refused"):
        Predictor.load(path, copied / "weights" / "best.npz")
    if HAS_ONNX:
        with pytest.raises(PredictorError, match="refused"):
            export.main([str(copied), "--onnx"])
    with pytest.raises(PredictorError, match="refused"):
        predict.main([str(copied), str(copied / "confusion" / "val.png")])
    shutil.copy(copied / "weights" / "best.npz", copied / "weights.npz")
    with pytest.raises(PredictorError, match="refused"):
        PyfuncModel.load(copied)


@pytest.mark.parametrize(
    "section", [text for text in SECTIONS.values() if not text.startswith("seed")], ids=lambda text: text[:40]
)
def test_a_recorded_configuration_runs_no_code(copied, section):
    path = copied / "config.yaml"
    text = path.read_text()
    for key in ("plugins", "loss", "model"):
        if f"{key}:" in section:
            text = text.replace(f"\n{key}:", f"\nformer_{key}:")
    path.write_text(f"{text}\n{section}\n")
    with pytest.raises(UserError, match=r"refused|no such key"):
        reproduce.main([str(copied)])
    with pytest.raises(UserError, match=r"refused|no such key"):
        build(nnexp.load(copied).config)
