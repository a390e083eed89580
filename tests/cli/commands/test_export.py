import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from nnexp import compose, run
from nnexp.cli.commands.export import file_name, main
from nnexp.errors import UserError
from nnexp.serving.onnx.verify import Comparison
from nnexp.serving.predictor import Predictor

onnx = pytest.importorskip(
    "onnx", reason="needs the packages onnx and onnxruntime: pip install 'nnexp[onnx]'"
)
onnxruntime = pytest.importorskip(
    "onnxruntime", reason="needs the package onnxruntime: pip install 'nnexp[onnx]'"
)

NAME = "digits-mlp-he_normal-adam-warmup_cosine-s0.onnx"
MINE = """
from nnexp.nn.activations.from_output import ReLU
from nnexp.nn.models.model import MLP

class Mine({base}):
    def forward(self, x, training=False):
        y = super().forward(x, training)
        y *= 0.5
        return y
{more}
class Model(MLP):
    def __init__(self):
        super().__init__([8], Mine())
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A finished run's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trained"))
        return run(
            compose(["data=digits", "trainer.epochs=2", "model.hidden=[16]", "tracking=none"])
        ).folder.resolve()


def export(*arguments):
    return main([*map(str, arguments), "--onnx"])


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def opened(path):
    return onnxruntime.InferenceSession(str(path))


def test_the_file_says_what_the_network_says_and_the_printed_lines_use_it(trained, alone, capsys):
    assert export(trained) == 0
    assert left(alone) == [NAME]
    told, _, snippet = capsys.readouterr().out.partition("\n\n")
    assert told.startswith(f"{alone / NAME}: {(alone / NAME).stat().st_size:,} bytes, ONNX opset 17\n")
    assert (
        "  in   x (N, 8, 8) uint8\n  out  logits (N, 10) float32\n  out  probabilities (N, 10) float32\n  out  class (N,) int64\n"
        in told
    )
    assert "on 1,000 random examples" in told
    assert len(snippet.strip().splitlines()) == 4
    code = snippet.replace(
        "x = ...", "import numpy; x = numpy.arange(128, dtype='uint8').reshape(2, 8, 8) % 17"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=alone)
    predictor = Predictor.load(trained / "network.json", trained / "weights" / "best.npz")
    x = np.arange(128, dtype=np.uint8).reshape(2, 8, 8) % 17
    assert done.stdout.strip() == str(predictor.outputs(x).argmax(axis=1))


def test_the_file_says_where_it_comes_from(trained, alone):
    assert export(trained, "--out", "seven.onnx") == 0
    assert left(alone) == ["seven.onnx"]
    model = onnx.load("seven.onnx")
    kept = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(kept["classes"]) == [str(digit) for digit in range(10)]
    assert kept["run_name"] == NAME.removesuffix(".onnx")
    assert "run_id" not in kept, "the run is in no store"
    assert "a network for classification trained by nnexp; classes 0, 1, 2" in model.doc_string


def test_a_table_goes_in_with_missing_numbers_and_comes_out_in_the_targets_unit(alone):
    rng = np.random.default_rng(0)
    rows = [
        f"{a if a > -1 else ''},{kind},{1e5 + 3e3 * a + 500 * (kind == 'old')}"
        for a in rng.standard_normal(300)
        for kind in ("new", "old")
    ]
    (alone / "houses.csv").write_text("\n".join(["a,kind,price", *rows]))
    overrides = [
        "data=table",
        "data.path=houses.csv",
        "data.target=price",
        "loss=mean_squared_error",
        "tracking=none",
        "trainer.epochs=5",
    ]
    folder = run(compose(overrides)).folder
    assert export(folder, "--out", "houses.onnx") == 0
    x = np.array([[0.5, 0, 1], [np.nan, 1, 0]], np.float32)
    (y,) = opened("houses.onnx").run(None, {"x": x})
    expected = Predictor.load(folder / "network.json", folder / "weights" / "best.npz").outputs(x)
    np.testing.assert_allclose(y, expected, rtol=1e-5)
    assert y.mean() > 5e4
    kept = {entry.key: entry.value for entry in onnx.load("houses.onnx").metadata_props}
    assert json.loads(kept["columns"]) == ["a", "kind=new", "kind=old"]
    assert json.loads(kept["targets"]) == ["price"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["last"], "what shall run last become? There is: --onnx"),
        (["last", "--onnx", "--out", "net.pt"], "--out net.pt: the name of an ONNX file ends in .onnx"),
        (
            ["last", "--onnx", "--out", "nowhere/net.onnx"],
            "--out nowhere/net.onnx: there is no folder nowhere",
        ),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused_at_once(arguments, says):
    with pytest.raises(UserError) as raised:
        main(arguments)
    assert says in str(raised.value)


def test_a_run_that_is_not_there_is_told(alone, capsys):
    assert export("last") == 2
    assert "nnexp: no runs here yet" in capsys.readouterr().err
    assert left(alone) == []


@pytest.mark.parametrize("damage", ["network.json", "weights/best.npz"])
def test_a_run_without_its_network_is_told(trained, alone, damage, capsys):
    shutil.copytree(trained, alone / "run")
    (alone / "run" / damage).unlink()
    assert export(alone / "run") == 2
    assert damage in capsys.readouterr().err
    (alone / "run" / damage).write_text("nothing")
    assert export(alone / "run") == 2
    assert damage in capsys.readouterr().err
    assert left(alone) == ["run"]


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_absent_packages_are_told_with_the_command_that_installs_them(package, trained, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    assert export(trained) == 2
    seen = capsys.readouterr().err
    assert package in seen
    assert "pip install 'nnexp[onnx]'" in seen


def own(folder, trained, module, **parts):
    """A run whose network has an activation of one's own, from a module in the working directory."""
    (folder / f"{module}.py").write_text(MINE.format(**parts))
    shutil.copytree(trained, folder / "run")
    described = json.loads((folder / "run" / "network.json").read_text())
    described |= {"model": {"_target_": f"{module}.Model"}, "plugins": [module]}
    (folder / "run" / "network.json").write_text(json.dumps(described))
    rng = np.random.default_rng(0)
    shapes = {"0.W": (64, 8), "0.b": (8,), "2.W": (8, 10), "2.b": (10,)}
    np.savez(
        folder / "run" / "weights" / "best.npz",
        **{name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()},
    )
    return folder / "run"


def test_a_derived_layer_that_does_something_else_leaves_no_file_and_exit_code_1(
    alone, trained, monkeypatch, capsys
):
    monkeypatch.syspath_prepend(alone)
    folder = own(alone, trained, "derived_layer", base="ReLU", more="")
    (alone / "net.onnx").write_text("an older one")
    assert export(folder, "--out", "net.onnx") == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "net.onnx is not written: it differs from the network by" in seen.err
    assert "@translate.register" in seen.err
    assert (alone / "net.onnx").read_text() == "an older one"
    assert not [name for name in left(alone) if name.endswith(".part")]


def test_a_network_whose_numbers_are_noise_is_not_written(trained, alone, monkeypatch, capsys):
    monkeypatch.setattr("nnexp.cli.commands.export.compare", lambda model, predictor: Comparison(0.3, 0.2))
    assert export(trained, "--out", "net.onnx") == 1
    seen = capsys.readouterr().err
    assert (
        "by 0.3 at the most (and the network from itself in double precision by 0.2), on 1,000 random examples; it magnifies"
        in seen
    )
    assert left(alone) == []


def test_a_layer_of_ones_own_that_is_translated_is_exported(alone, trained, monkeypatch):
    monkeypatch.syspath_prepend(alone)
    more = """
from nnexp.serving.onnx.graph import translate

@translate.register(Mine)
def _(layer, graph, x):
    return graph.add("Mul", graph.add("Relu", x), graph.constant("half", 0.5))
"""
    assert export(own(alone, trained, "translated_layer", base="ReLU", more=more), "--out", "net.onnx") == 0
    assert (alone / "net.onnx").exists()


def test_a_translation_that_makes_no_model_is_told(alone, trained, monkeypatch, capsys):
    monkeypatch.syspath_prepend(alone)
    more = """
from nnexp.serving.onnx.graph import translate

@translate.register(Mine)
def _(layer, graph, x):
    return graph.add("NoSuchNode", x)
"""
    assert export(own(alone, trained, "senseless_layer", base="ReLU", more=more)) == 1
    assert "its nodes make no model that runs: No Op registered for NoSuchNode" in capsys.readouterr().err


def test_names_of_runs_become_names_of_files():
    assert file_name("digits-mlp-s0") == "digits-mlp-s0"
    assert file_name("../lr=0.1, a/b") == "lr=0.1--a-b"
    assert file_name("..") == "network"
