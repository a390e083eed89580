"""The contributor's path: a new optimizer, loss or activation takes three edits, and its group's tests pass.

Each is added to a copy of the project: the class, its YAML, one row of a test table; nothing else is touched.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")

ROOT = Path(__file__).parents[2]
YAML = "tests/config/test_yaml.py"
OPTIMIZER = {
    "nnexp/optim/sign_sgd.py": '''"""SGD on the signs of the gradients."""

from dataclasses import dataclass

import numpy as np

from nnexp.optim.optimizers import LearningRate, Optimizer


@dataclass(kw_only=True, eq=False)
class SignSGD(Optimizer):
    """theta <- theta - lr sign(g): Bernstein et al. 2018, algorithm 1."""

    lr: LearningRate = 1e-3

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        np.sign(self.g, out=self.update)
        self.update *= self.lr * scale
        self.theta -= self.update
''',
    "conf/optimizer/sign_sgd.yaml": """# the sign of the gradient: Bernstein et al. 2018
_target_: nnexp.optim.sign_sgd.SignSGD
lr: 0.001
weight_decay: 0.0
""",
    "tests/oracle/test_optimizers.py": """
OPTIMIZERS = {
    "sign_sgd": Case(
        "optax.sign_sgd",
        Optax(
            lambda optax, lr, v: optax.chain(
                optax.scale_by_sign(), optax.add_decayed_weights(**decay(v)), optax.scale_by_learning_rate(lr)
            )
        ),
        [{"lr": 0.1}, {"weight_decay": 0.1}],
    ),
""",
}
LOSS = {
    "nnexp/nn/losses/log_cosh.py": '''"""The log-cosh loss of a regression."""

import numpy as np

from nnexp.nn.losses.elementwise import Elementwise
from nnexp.nn.parameters import Array


class LogCosh(Elementwise):
    """l = log cosh(z - t) = |r| + log(1 + exp(-2 |r|)) - log 2."""

    def compare(self, z: Array, t: Array, dz: Array, scratch: Array) -> float:
        r = np.abs(np.subtract(z, t, out=dz), out=scratch)
        total = float((r + np.log1p(np.exp(-2 * r))).sum()) - r.size * np.log(2)
        np.tanh(dz, out=dz)
        return total
''',
    "conf/loss/log_cosh.yaml": """# log cosh of the error of a regression
_target_: nnexp.nn.losses.log_cosh.LogCosh
""",
    "tests/oracle/test_losses.py": """
CASES = {
    "log_cosh": Case(
        "torch autograd of log(cosh(z - y))",
        lambda z, y: (torch.logaddexp(z - y, y - z) - np.log(2)).mean(),
        "identity",
    ),
""",
}
ACTIVATION = {
    "nnexp/nn/activations/softsign.py": '''"""The softsign activation."""

import numpy as np

from nnexp.nn.activations.from_output import FromOutput
from nnexp.nn.parameters import Array


class Softsign(FromOutput, name="softsign"):
    """y = x / (1 + |x|)."""

    def apply(self, x: Array, out: Array) -> Array:
        divisor = np.abs(x, out=self.slopes(len(x)))
        divisor += 1
        return np.divide(x, divisor, out=out)

    def derivative(self, y: Array, out: Array) -> Array:
        np.subtract(1, np.abs(y, out=out), out=out)
        return np.square(out, out=out)
''',
    "conf/model/mlp.yaml": """
activation: relu # or softsign,""",
    "tests/oracle/test_activations.py": """
CASES = {
    "softsign": Case(nn.Softsign()),
""",
}
GROUPS = {
    "optimizer": (OPTIMIZER, f"tests/oracle/test_optimizers.py tests/optim {YAML} -k optim"),
    "loss": (LOSS, f"tests/oracle/test_losses.py {YAML} -k loss"),
    "activation": (ACTIVATION, "tests/oracle/test_activations.py tests/nn/test_gradients.py"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with the three edits of each group."""
    project = tmp_path_factory.mktemp("project")
    for folder in ("nnexp", "conf", "tests"):
        shutil.copytree(ROOT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, project)
    for edits, _ in GROUPS.values():
        assert len(edits) == 3
        for path, text in edits.items():
            edit(project / path, text)
    return project


@pytest.mark.parametrize("group", GROUPS)
def test_three_edits_add_an_option_whose_tests_pass(group, project):
    _, tests = GROUPS[group]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests.split()]
    environment = os.environ | {"PYTHONPATH": str(project), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def edit(path, text):
    """Write a new file, or insert text into one: it begins with a new line and the words that it extends."""
    if text.startswith("\n"):
        before = path.read_text()
        extended = next(words for words in (text.splitlines()[1], "activation: relu # or") if words in before)
        assert before.count(extended) == 1
        text = before.replace(extended, text.removeprefix("\n").removesuffix("\n"))
    path.write_text(text)
