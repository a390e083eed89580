"""A loss, gradient or weight that is not finite: where it arose, why, what helps, and rewinds."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fixtures.components import components

import nnexp
from nnexp.config import build, compose
from nnexp.experiment.components import build_components
from nnexp.experiment.display import Display
from nnexp.experiment.failures.divergence import DivergedError, finite_evaluations
from nnexp.experiment.run import run
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.run_folder import RunFolder, history
from nnexp.training.checkpoint.checkpoint_file import Checkpoint, read_latest, write_checkpoint
from nnexp.training.checkpoint.state import Root
from nnexp.training.checkpoint.training_state import TrainingState
from nnexp.training.non_finite import locate
from nnexp.training.rewind import Rewind

SMALL = ["data=digits", "data.limit=256", "trainer.epochs=3", "tracking=none"]
FORWARD = SoftmaxCrossEntropy.forward
SGD = ["optimizer=sgd", "schedule=constant"]


class LogLoss(SoftmaxCrossEntropy):
    """A loss of one's own whose logarithm meets a 0 in its fifth batch."""

    calls = 0

    def forward(self, z, y):
        self.calls += 1
        return super().forward(z, y) if self.calls < 5 else np.inf


class BadGradient(SoftmaxCrossEntropy):
    """A loss of one's own that divides by 0 in its gradient."""

    def backward(self):
        dz = super().backward()
        dz[0, 0] = np.nan
        return dz


@pytest.fixture(autouse=True)
def silent_floats():
    with np.errstate(all="ignore"):
        yield


def divergence(*overrides, loss=None):
    settings = build(compose([*SMALL, *overrides]))
    if loss is not None:
        object.__setattr__(settings, "loss", loss)
    made = build_components(settings)
    with pytest.raises(DivergedError) as error:
        list(finite_evaluations(settings, made, None, Display()))
    return str(error.value)


@pytest.mark.parametrize(
    ("overrides", "patterns"),
    [
        ([*SGD, "optimizer.lr=1e30"], ["step 2 ", r"outputs of dense[12] are (infinite|NaN)", r"lr=0\.1"]),
        ([*SGD, "optimizer.lr=1e270", "trainer.dtype=float64"], ["at step ", "learning rate is too large"]),
        ([*SGD, "optimizer.lr=1e38", "trainer.accumulate=2"], ["step 1 ", r"lr=0\.1"]),
        ([*SGD, "optimizer.lr=1e36", "data.balanced=true"], ["step 2 ", "learning rate is too large"]),
        ([*SGD, "optimizer.lr=1e30", "loss=mean_squared_error"], ["step 2 ", "learning rate is too large"]),
        ([*SGD, "optimizer.lr=1e30", "loss=hinge"], ["step 2 ", "learning rate is too large"]),
        ([*SGD, "optimizer.lr=1e30", "loss=focal"], ["step 2 ", "learning rate is too large"]),
        (["model=residual", *SGD, "optimizer.lr=1e30"], ["step 2 ", "learning rate is too large"]),
        (["init=constant", "init.value=1e30"], ["dense2 are infinite.*exploding.*fix: init=he_normal$"]),
        (["data.validation=0", "data.limit=64", *SGD, "optimizer.lr=1e39"], ["step 1 .*weights of dense1"]),
    ],
)  # fmt: skip
def test_the_message_names_step_layer_reason_and_fix(overrides, patterns):
    message = divergence(*overrides)
    for pattern in patterns:
        assert re.search(pattern, message), message


def test_a_loss_of_its_own_is_the_reason_where_outputs_are_moderate():
    message = divergence(loss=LogLoss())
    assert "the loss is infinite at step 4 (epoch 2)" in message  # the third call was for validation
    assert "a log of 0, a division by 0 or an overflow in LogLoss" in message


def test_the_gradient_of_a_loss_may_be_what_is_not_finite():
    message = divergence(loss=BadGradient())
    assert (
        "the gradient is NaN at step 1 (epoch 1): the gradient of the loss in the outputs is NaN" in message
    )
    assert "in BadGradient" in message


def test_a_validation_loss_alone_may_be_infinite():
    settings = build(compose(SMALL))
    made = build_components(settings)
    made.validation.factor = 1e38
    with pytest.raises(DivergedError) as error:
        list(finite_evaluations(settings, made, None, Display()))
    assert "the validation loss is" in str(error.value)
    assert "(epoch 1)" in str(error.value)
    assert "inputs with huge values" in str(error.value)


def test_the_first_weight_that_is_not_finite_is_located_in_forward_order():
    made = components("model.hidden=[8,8]")
    names = list(made.network.parameters.values)
    made.network.parameters.values[names[1]][0, 0] = np.nan
    origin = locate(made.network, made.trainer.loss, made.train.latest)
    assert (origin.place, origin.layer, origin.value) == ("weights", "dense2", "NaN")


def test_a_gradient_whose_squares_overflow_is_clipped_and_not_an_error():
    made = components("regularization.clip_norm=1")
    made.network.grad.fill(1e30)
    assert 1e31 < made.trainer.optimizer_step.step() < 1e34
    assert np.linalg.norm(made.network.grad) == pytest.approx(1, rel=1e-4)


def test_nothing_that_is_not_finite_is_kept():
    with pytest.raises(DivergedError):
        run(compose([*SMALL, *SGD, "optimizer.lr=1e30"]), folder="run")
    folder = RunFolder(Path("run"))
    assert [step for step, _ in history(folder.entries()) if step] == []
    assert folder.entries()[-1]["status"] == "FAILED"
    assert all(np.isfinite(array).all() for array in np.load("run/weights/final.npz").values())


class Unstable(SoftmaxCrossEntropy):
    """A loss that is infinite in some of its calls: twice in epoch 1, which has 2 batches, then in 2."""

    calls: int = 0  # of the class: a rewind restores the state of an object
    infinite = (2, 5, 10)

    def forward(self, z, y):
        type(self).calls += 1
        return np.inf if self.calls in self.infinite else FORWARD(self, z, y)


def rewound():
    """Train with rewinds; return the components, the records and what was shown."""
    settings = build(compose([*SMALL, "trainer.on_nan=rewind", "schedule=constant"]))
    Unstable.calls = 0
    object.__setattr__(settings, "loss", Unstable())
    made = build_components(settings)
    rewind = Rewind(made.trainer, made.best)
    shown = []
    display = Display()
    display.message = lambda label, text: shown.append(text)
    records = []
    for record, _ in finite_evaluations(settings, made, rewind, display):
        records.append(record)
        made.best.offer(record)
        rewind.keep()
    return made, records, shown


def test_a_rewind_goes_back_to_the_last_evaluation_with_half_the_learning_rate():
    made, records, shown = rewound()
    assert [record.epoch for record in records] == [1, 2, 3]
    lr = made.trainer.optimizer_step.optimizer.lr
    assert [record.lr for record in records] == [lr / 4, lr / 8, lr / 8]
    assert "the loss is infinite at step 2 (epoch 1)" in shown[0]
    assert [re.search(r"back to step \d", text)[0] for text in shown] == [
        f"back to step {n}" for n in (0, 0, 2)
    ]
    again, *_ = rewound()
    assert (again.network.theta == made.network.theta).all()


def test_a_run_with_rewinds_logs_no_step_twice(monkeypatch):
    monkeypatch.setattr(SoftmaxCrossEntropy, "forward", Unstable.forward)
    monkeypatch.setattr(SoftmaxCrossEntropy, "calls", 0, raising=False)
    monkeypatch.setattr(SoftmaxCrossEntropy, "infinite", (2, 5, 10), raising=False)
    assert run(compose([*SMALL, "trainer.on_nan=rewind"]), folder="run").status == "FINISHED"
    steps = [(step, values["rewinds"]) for step, values in history(RunFolder(Path("run")).entries()) if step]
    assert steps == [(1, 2), (2, 3), (3, 3)]
    monkeypatch.setattr(SoftmaxCrossEntropy, "infinite", ())
    nnexp.resume("run", ["trainer.epochs=4", "optimizer.lr=0.003", "schedule=constant"], display="quiet")
    rates = [values["lr"] for _, values in history(RunFolder(Path("run")).entries()) if "lr" in values]
    assert rates[-1] == 0.003, "a learning rate that is typed is not halved by the rewinds before"


def test_rewinds_have_an_end():
    settings = build(compose([*SMALL, "trainer.on_nan=rewind"]))
    object.__setattr__(settings, "loss", BadGradient())
    made = build_components(settings)
    with pytest.raises(DivergedError, match="after 50 rewinds; likely reason"):
        list(finite_evaluations(settings, made, Rewind(made.trainer, made.best), Display()))


def test_what_a_rewind_goes_back_to_is_state():
    made = components("trainer.on_nan=rewind", *SMALL)
    rewind = Rewind(made.trainer, made.best)
    first = made.network.theta.copy()
    next(made.trainer.epochs())
    rewind.go_back()
    other = components("trainer.on_nan=rewind", *SMALL)
    resumed = Rewind(other.trainer, other.best)
    next(other.trainer.epochs())
    other.trainer.optimizer_step.lr_factor = 0.5
    resumed.load_state_dict(rewind.state_dict())
    resumed.go_back()
    assert (other.network.theta == first).all()
    assert other.trainer.optimizer_step.lr_factor == 0.25
    assert rewind.training.capture().values["step/lr_factor"] == 0.5


def test_a_run_that_is_resumed_goes_back_to_the_same_evaluation(tmp_path):
    overrides = ["data=digits", "loss=mean_squared_error", "optimizer=momentum", "schedule=constant"]
    settings = build(compose([*overrides, "optimizer.lr=1e4", "trainer.on_nan=rewind", "trainer.epochs=2"]))

    def prepared():
        made = build_components(settings)
        holder = SimpleNamespace(rewind=Rewind(made.trainer, made.best))
        state = TrainingState(made.trainer, made.best, {"rewind": Root(holder, only=("rewind",))})
        return made, holder.rewind, state

    def train(made, rewind):
        for _ in finite_evaluations(settings, made, rewind, Display()):
            rewind.keep()
            yield rewind.count

    made, rewind, state = prepared()
    evaluations = train(made, rewind)
    assert next(evaluations) > 1
    saved = Checkpoint(step=9, epoch=2, seconds=0.0, config_hash="", data_sha256="", state=state.capture())
    write_checkpoint(tmp_path, saved)
    counts = list(evaluations)
    other, other_rewind, other_state = prepared()
    other_state.restore(read_latest(tmp_path)[0].state)
    assert list(train(other, other_rewind)) == counts
    assert (other.network.theta == made.network.theta).all()
