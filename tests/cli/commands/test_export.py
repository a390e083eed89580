"""`nnexp export`: an ONNX file that is verified before it is written."""

import json
import shutil
import subprocess
import sys
from itertools import product

import numpy as np
import pytest

from nnexp import compose, run
from nnexp.__main__ import main
from nnexp.cli.commands.export import file_name
from nnexp.run_folder import NETWORK, weights_path
from nnexp.serving.predictor import Predictor

onnx = pytest.importorskip("onnx", reason="needs the package onnx: pip install 'nnexp[onnx]'")
onnxruntime = pytest.importorskip("onnxruntime", reason="it is missing: pip install 'nnexp[onnx]'")

NAME = "digits-mlp-he_normal-adam-warmup_cosine-s0.onnx"
PLUGIN = """
from nnexp.nn.activations.from_output import ReLU
from nnexp.nn.models.model import MLP

class Mine(ReLU):
    def forward(self, x, training=False):
        y = super().forward(x, training)
        y *= 0.5
        return y

class Model(MLP):
    def __init__(self):
        super().__init__([8], Mine())
"""
TRANSLATION = """
from nnexp.serving.onnx.graph import translate

def half(layer, graph, x):
    return graph.add("Mul", graph.add({op!r}, x), graph.constant("half", 0.5))

translate.register(Mine, half)
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trained"))
        config = compose(["data=digits", "trainer.epochs=2", "model.hidden=[16]", "tracking=none"])
        return run(config).folder.resolve()


def export(*arguments):
    return main(["export", *map(str, arguments), "--onnx"])


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def load(run_folder):
    return Predictor.load(run_folder / NETWORK, run_folder / weights_path("best"))


def properties(name):
    return {entry.key: entry.value for entry in onnx.load(name).metadata_props}


def test_the_file_predicts_what_the_network_does_with_the_printed_lines(trained, alone, capsys):
    assert export(trained) == 0
    assert names_in(alone) == [NAME]
    description, _, code = capsys.readouterr().out.partition("\n\n")
    assert description.startswith(f"{alone / NAME}: {(alone / NAME).stat().st_size:,} bytes, ONNX opset 17\n")
    values = ["in   x (N, 8, 8) uint8", "out  logits (N, 10) float32"]
    values += ["out  probabilities (N, 10) float32", "out  class (N,) int64"]
    assert [line.strip() for line in description.splitlines()[1:5]] == values
    code = code.replace("x = ...", "import numpy; x = numpy.arange(128, dtype='uint8').reshape(2, 8, 8) % 17")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=alone)
    x = np.arange(128, dtype=np.uint8).reshape(2, 8, 8) % 17
    assert done.stdout.strip() == str(load(trained).outputs(x).argmax(axis=1))


def test_the_file_holds_where_it_comes_from(trained, alone):
    assert export(trained, "--out", "seven.onnx") == 0
    assert names_in(alone) == ["seven.onnx"]
    kept = properties("seven.onnx")
    assert json.loads(kept["classes"]) == [str(digit) for digit in range(10)]
    assert kept["run_name"] == NAME.removesuffix(".onnx")
    assert "run_id" not in kept, "the run is in no store"
    assert "a network for classification trained by nnexp" in onnx.load("seven.onnx").doc_string


def test_a_table_has_missing_numbers_and_targets_in_their_own_units(alone):
    rng = np.random.default_rng(0)
    pairs = product(rng.standard_normal(300), ("new", "old"))
    rows = [f"{a if a > -1 else ''},{kind},{1e5 + 3e3 * a + 500 * (kind == 'old')}" for a, kind in pairs]
    (alone / "prices.csv").write_text("\n".join(["a,kind,price", *rows]))
    data = ["data=table", "data.path=prices.csv", "data.target=price", "loss=mean_squared_error"]
    folder = run(compose([*data, "tracking=none", "trainer.epochs=5"])).folder
    assert export(folder, "--out", "prices.onnx") == 0
    x = np.array([[0.5, 0, 1], [np.nan, 1, 0]], np.float32)
    (y,) = onnxruntime.InferenceSession("prices.onnx").run(None, {"x": x})
    np.testing.assert_allclose(y, load(folder).outputs(x), rtol=1e-5)
    assert y.mean() > 5e4
    kept = properties("prices.onnx")
    assert json.loads(kept["columns"]) == ["a", "kind=new", "kind=old"]
    assert json.loads(kept["targets"]) == ["price"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["last"], "--onnx, an ONNX file"),
        (["last", "--onnx", "--out", "net.pt"], "--out: net.pt: expected a name that ends in .onnx"),
        (["last", "--onnx", "--out", "nowhere/net.onnx"], "there is no folder nowhere"),
        (["last", "--onnx"], "no runs here yet"),
    ],
    ids=range(4),
)
def test_unusable_arguments_are_refused(arguments, message, alone, capsys):
    assert main(["export", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert names_in(alone) == []


@pytest.mark.parametrize("damage", [NETWORK, weights_path("best")])
def test_a_run_without_its_network_is_refused(trained, alone, damage, capsys):
    shutil.copytree(trained, alone / "run")
    (alone / "run" / damage).unlink()
    assert export(alone / "run") == 2
    assert damage in capsys.readouterr().err
    (alone / "run" / damage).write_text("nothing")
    assert export(alone / "run") == 2
    assert damage in capsys.readouterr().err
    assert names_in(alone) == ["run"]


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_the_command_to_install_it(package, trained, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    assert export(trained) == 2
    error = capsys.readouterr().err
    assert package in error
    assert "pip install 'nnexp[onnx]'" in error


@pytest.fixture
def with_plugin(trained, alone, monkeypatch):
    """Makes a run whose network has a plugin's activation, from a module in the working directory."""
    monkeypatch.syspath_prepend(alone)

    def make(module, code):
        (alone / f"{module}.py").write_text(code)
        folder = alone / "run"
        shutil.copytree(trained, folder)
        spec = json.loads((folder / NETWORK).read_text())
        spec |= {"model": {"_target_": f"{module}.Model"}, "plugins": [module]}
        (folder / NETWORK).write_text(json.dumps(spec))
        rng = np.random.default_rng(0)
        shapes = {"0.W": (64, 8), "0.b": (8,), "2.W": (8, 10), "2.b": (10,)}
        weights = {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}
        np.savez(folder / weights_path("best"), **weights)
        return folder

    return make


def test_a_derived_layer_without_its_own_translation_fails_with_exit_code_1(with_plugin, alone, capsys):
    folder = with_plugin("derived_layer", PLUGIN)
    (alone / "net.onnx").write_text("an older one")
    before = names_in(alone)
    assert export(folder, "--out", "net.onnx") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "net.onnx is not written: logits differs from the network's" in printed.err
    assert "@translate.register" in printed.err
    assert (alone / "net.onnx").read_text() == "an older one"
    assert set(names_in(alone)) - {"__pycache__"} == {*before}


def test_a_plugins_translation_is_used(with_plugin, alone):
    folder = with_plugin("translated_layer", PLUGIN + TRANSLATION.format(op="Relu"))
    assert export(folder, "--out", "net.onnx") == 0
    assert (alone / "net.onnx").exists()


def test_a_translation_that_makes_no_valid_model_fails(with_plugin, capsys):
    folder = with_plugin("invalid_layer", PLUGIN + TRANSLATION.format(op="NoSuchNode"))
    assert export(folder) == 1
    assert "not a valid model: No Op registered for NoSuchNode" in capsys.readouterr().err


def test_names_of_runs_become_file_names():
    assert file_name("digits-mlp-s0") == "digits-mlp-s0"
    assert file_name("../lr=0.1, a/b") == "lr=0.1--a-b"
    assert file_name("..") == "network"
