"""Every YAML file under conf/: composes, builds, trains; says what it is; and its keys are its class's."""

import inspect
from itertools import islice

import numpy as np
import pytest
import yaml

from nnexp import compose
from nnexp.config import build
from nnexp.config.check import locate
from nnexp.config.compose import CONF
from nnexp.experiment import assemble
from nnexp.help import first_line, text

FILES = sorted(path.relative_to(CONF) for path in CONF.rglob("*.yaml"))
OPTIONS = [path for path in FILES if len(path.parts) == 2 and path.parts[0] != "local"]
GROUPS = {
    "data": 4,
    "debug": 2,
    "experiment": 2,
    "init": 6,
    "loss": 1,
    "model": 2,
    "optimizer": 4,
    "schedule": 5,
    "tracking": 2,
}


def test_the_tests_here_see_every_file():
    assert {group: len([path for path in OPTIONS if path.parts[0] == group]) for group in GROUPS} == GROUPS
    others = {path for path in FILES if path not in OPTIONS and path.parts[0] != "local"}
    assert {str(path) for path in others} == {"config.yaml", "hydra/job_logging/run_file.yaml"}


@pytest.mark.parametrize("path", OPTIONS, ids=str)
def test_composes_builds_and_trains_two_steps(path):
    group, option = path.parent.name, path.stem
    settings = build(compose([f"{group}={option}"]))
    if group == "data" and option != "digits":
        return  # building it is what can be done without a download
    settings = build(compose([f"{group}={option}", "data=digits"]))
    made = assemble(settings)
    before = made.network.theta.copy()
    for x, y in islice(made.train, 2):
        made.trainer.loss.forward(made.network.forward(x), y)
        made.network.backward(made.trainer.loss.backward())
        made.trainer.optimizer.step(settings.schedule(0.5))
    assert np.isfinite(made.network.theta).all()
    assert not np.array_equal(made.network.theta, before)


@pytest.mark.parametrize("path", OPTIONS, ids=str)
def test_says_what_it_is_and_help_repeats_it(path):
    said = first_line(CONF / path)
    assert len(said) > 20
    assert said in text()


@pytest.mark.parametrize("path", [path for path in OPTIONS if path.parts[0] not in ("experiment", "debug", "tracking")], ids=str)
def test_its_keys_are_the_parameters_of_its_class(path):
    values = yaml.safe_load((CONF / path).read_text())
    parameters = inspect.signature(locate(values.pop("_target_"))).parameters
    assert set(values) == set(parameters), "a key that YAML does not list cannot be seen with --cfg job"
