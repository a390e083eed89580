"""Every YAML file under conf/ composes, builds, trains, is described, and has the keys of its class."""

import inspect
import re
import struct
from itertools import chain, islice

import numpy as np
import pytest
import yaml
from fixtures.image_files import write_cifar10, write_emnist
from fixtures.options import make
from PIL import Image

from nnexp import compose
from nnexp.cli.help import first_comment, help_text
from nnexp.config import build
from nnexp.config.compose import CONF
from nnexp.experiment.components import build_components
from nnexp.serving.locate import locate

FILES = sorted(path.relative_to(CONF) for path in CONF.rglob("*.yaml"))
OPTIONS = [path for path in FILES if len(path.parts) > 1 and path.parts[0] not in ("hydra", "local")]
IMAGE_SETS = ("fashion_mnist", "kmnist")
"""Data sets of four IDX files whose content is not pinned by a checksum: a new one is a row here."""
ARCHIVES = {"cifar10": write_cifar10, "emnist": write_emnist}
SAMPLERS = ("cmaes", "grid", "nsgaii", "qmc", "random", "tpe")
LEAST = {"augment": 5, "averaging": 4, "data": 5, "init": 14, "loss": 7, "model": 8}
LEAST |= {"optimizer": 14, "schedule": 14, "hparams_search": 6, "experiment": 24}
WITHOUT_CLASS = ("experiment", "hparams_search", "debug", "metrics", "tracking")


def test_these_tests_see_every_file():
    for group, least in LEAST.items():
        assert len([path for path in OPTIONS if path.parts[0] == group]) >= least, group
    others = {str(path) for path in FILES if path not in OPTIONS and path.parts[0] != "local"}
    launchers = {f"hydra/launcher/{name}.yaml" for name in ("ray", "submitit_local", "submitit_slurm")}
    hydra = {"hydra/job_logging/run_file.yaml", "hydra/sweeper/optuna.yaml", *launchers}
    samplers = {f"hydra/sweeper/sampler/{name}.yaml" for name in SAMPLERS}
    assert others == {"config.yaml", *hydra, *samplers}


def table(folder, target):
    rng = np.random.default_rng(0)
    rows = [f"{a},{b},{target(a, b)}" for a, b in rng.standard_normal((40, 2))]
    (folder / "table.csv").write_text("\n".join(["a,b,y", *rows]))
    return ["data=table", f"data.path={folder / 'table.csv'}", "data.target=y"]


def image_set(folder):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for prefix, n in (("train", 40), ("t10k", 10)):
        head = struct.pack(">4B3I", 0, 0, 8, 3, n, 28, 28)
        pixels = rng.integers(0, 256, n * 784, np.uint8).tobytes()
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(head + pixels)
        labels = struct.pack(">4BI", 0, 0, 8, 1, n) + bytes(i % 10 for i in range(n))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(labels)


def image_files(folder):
    rng = np.random.default_rng(0)
    for i in range(40):
        path = folder / "shades" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    return ["data=images", f"data.path={folder / 'shades'}", "trainer.batch_size=16"]


def small(group, option, folder):
    if (group, option) == ("data", "table"):
        return table(folder, lambda a, b: "high" if a > b else "low")
    if group == "loss" and "classification" not in type(make("loss", option)).tasks:
        return [f"loss={option}", *table(folder, lambda a, b: a - 2 * b)]
    if (group, option) == ("data", "images"):
        return image_files(folder)
    if group == "data" and option != "digits":
        return [f"data={option}", "trainer.batch_size=16"]
    return [f"{group}={option}", "data=digits"]


@pytest.mark.parametrize("path", OPTIONS, ids=str)
def test_composes_builds_and_trains_two_steps(path, alone, request):
    group, option = path.parts[0], path.relative_to(path.parts[0]).with_suffix("").as_posix()
    if group == "data" and option in IMAGE_SETS:
        image_set(alone / "data" / option)
    if group == "data" and option in ARCHIVES:
        ARCHIVES[option](alone / "data")
    overrides = small(group, option, alone)
    if (group, option) == ("data", "mnist"):
        build(compose(overrides))
        root = request.getfixturevalue("mnist_root")  # its content is held to what is public
        overrides.append(f"data.root={root}")
    made = build_components(build(compose(overrides)))
    before = made.network.theta.copy()
    for x, y in islice(chain(made.train, made.train), 2 * made.trainer.optimizer_step.accumulate):
        made.trainer.loss.forward(made.network.forward(x, training=True), y)
        made.network.backward(made.trainer.loss.backward())
        made.trainer.optimizer_step(len(y))
    assert made.trainer.steps_taken == 2
    assert np.isfinite(made.network.theta).all()
    assert not np.array_equal(made.network.theta, before)


@pytest.mark.parametrize("path", OPTIONS, ids=str)
def test_has_a_description_that_help_shows(path):
    said = first_comment(CONF / path)
    assert len(said) > 20
    assert said in help_text()


@pytest.mark.parametrize("path", [path for path in OPTIONS if path.parts[0] not in WITHOUT_CLASS], ids=str)
def test_its_keys_are_the_parameters_of_its_class(path):
    values = yaml.safe_load((CONF / path).read_text())
    parameters = inspect.signature(locate(values.pop("_target_"))).parameters
    assert set(values) == set(parameters), "a key that YAML does not list cannot be seen with --cfg job"


@pytest.mark.parametrize("preset", ["asha", "hyperband"])
def test_searches_with_pruning_compare_trials_whose_learning_rate_is_constant(preset):
    search = compose([f"hparams_search={preset}"])
    given = compose(["schedule=constant", "averaging=ema"])
    assert (search.schedule, search.averaging) == (given.schedule, given.averaging)
    other = compose([f"hparams_search={preset}", "schedule=cosine", "averaging=none"])
    assert other.schedule == compose(["schedule=cosine"]).schedule
    assert other.averaging == compose(["averaging=none"]).averaging


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.parts[:2] == ("experiment", "paper")], ids=str
)
def test_a_published_result_is_named_with_its_error_and_trained_on_all_training_images(path):
    lines = (CONF / path).read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"# .+ \d{4}: .+, [\d.]+ % test error|# Keras example .+ % test error", lines[1])
    assert lines[3].startswith("# Recipe: ")
    assert (
        compose([f"experiment={path.relative_to('experiment').with_suffix('').as_posix()}"]).data.validation
        == 0
    )
