"""Divergence of training: which value was not finite first, the likely reason, and what to change."""

from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from nnexp.config import Settings
from nnexp.errors import UserError
from nnexp.experiment.components import Components
from nnexp.experiment.display import Display
from nnexp.messages import merged_list_override, one_line, override, quoted_path
from nnexp.tasks import task_of
from nnexp.training.checkpoint.checkpoint_file import list_checkpoints
from nnexp.training.non_finite import (
    NonFiniteError,
    Origin,
    check_record,
    check_weights,
    locate,
    locate_weights,
)
from nnexp.training.rewind import MAX_REWINDS, Rewind
from nnexp.training.trainer import Evaluation

HUGE_INPUT = 1e6  # of standardized inputs, or of pixels in [0, 1]
MODERATE_OUTPUT = 1e15  # its square, in a loss, is within float32
MODERATE_WEIGHT = 100.0
STABLE_INIT = "he_normal"
SAFE_LR = 0.1  # at most, in advice
ORIGINS = {
    "inputs": "the inputs of the batch are {value}",
    "targets": "the targets of the batch are {value}",
    "weights": "the weights of {layer} are {value}",
    "state": "the running statistics of {layer} are {value}",
    "outputs": "the outputs of {layer} are {value}",
    "loss": "the loss is {value} for finite outputs",
    "loss gradient": "the gradient of the loss in the outputs is {value}",
    "gradient": "the gradient of {layer} is {value}",
}


class DivergedError(UserError):
    """Training diverged: a loss, a gradient or a weight is NaN or infinite."""

    exit_code = 1

    def __init__(self, problem: str, reason: str, fixes: Sequence[str]) -> None:
        super().__init__(f"training diverged: {problem}; likely reason: {reason}; fix: {', or '.join(fixes)}")
        self.problem = problem
        self.reason = reason
        self.fixes = fixes

    def name_checkpoint(self, folder: Path) -> None:
        """Add the last good checkpoint of the run, and how to go on from it, if there is one."""
        for path in list_checkpoints(folder)[:1]:
            changes = "".join(f" {fix}" for fix in self.fixes if fix.startswith("optimizer.lr="))
            command = f"nnexp resume {quoted_path(folder)}{changes}"
            kept = f"kept: {path.parent.name}/{path.name}, of step {int(path.stem)}"
            self.args = (f"{self}, or {command} ({kept})",)


def finite_evaluations(
    settings: Settings, components: Components, rewind: Rewind | None, display: Display
) -> Generator[Evaluation | None]:
    """Yield the trainer's evaluations and pauses as long as losses and weights are finite; then rewind.

    Raises:
        DivergedError: they are not, and there is no rewind, or none is left.
    """
    trainer = components.trainer
    while (divergence := (yield from evaluations_until_divergence(settings, components))) is not None:
        if rewind is None:
            raise divergence
        if rewind.is_exhausted:
            problem = f"{divergence.problem}, after {rewind.count} rewinds"
            raise DivergedError(problem, divergence.reason, divergence.fixes)
        rewind.go_back()
        lr = settings.optimizer.lr * trainer.optimizer_step.lr_factor
        count = f"{rewind.count} of at most {MAX_REWINDS}"
        text = f"{divergence.problem}; back to step {trainer.steps_taken}, optimizer.lr {lr:.3g} ({count})"
        display.message("rewind", text)


def evaluations_until_divergence(
    settings: Settings, components: Components
) -> Generator[Evaluation | None, None, DivergedError | None]:
    """Yield the trainer's evaluations and pauses; return why training diverged, None if it did not."""
    with closing(components.trainer.epochs()) as evaluations:
        try:
            for evaluation in evaluations:
                if evaluation is not None:
                    check_record(evaluation[0])
                check_weights(components.network)
                yield evaluation
        except NonFiniteError as error:
            return explain(error, settings, components)
    return None


def explain(error: NonFiniteError, settings: Settings, components: Components) -> DivergedError:
    """Explain why training diverged: step, origin, likely reason, fixes."""
    trainer = components.trainer
    step = trainer.steps_taken + (error.quantity in ("loss", "gradient"))
    epoch = -(-step // trainer.steps_per_epoch)
    origin = Origin()
    with suppress(Exception):  # a plug-in's layer or loss may fail on such values
        origin = find_origin(error, components, settings)
    first = f": {ORIGINS[origin.place].format(**vars(origin))}" if origin else ""
    reason, fixes = likely_reason(origin, settings, components)
    is_of_lr = fixes[0].startswith("optimizer.lr=")
    if settings.trainer.on_nan == "stop" and is_of_lr and settings.optimizer.lr < SAFE_LR * 2**MAX_REWINDS:
        fixes.append("trainer.on_nan=rewind")
    return DivergedError(f"{error} at step {step} (epoch {epoch}){first}", reason, fixes)


def find_origin(error: NonFiniteError, components: Components, settings: Settings) -> Origin:
    """Repeat what gave the value that is not finite, and return where it arose."""
    network, loss = components.network, settings.loss
    if error.quantity == "validation loss":
        assert components.validation is not None
        origins = (locate(network, loss, batch, training=False) for batch in components.validation)
        return next((origin for origin in origins if origin), Origin())
    if error.quantity == "weights":
        return locate_weights(network)
    return locate(network, loss, components.train.latest, gradients=error.quantity == "gradient")


def likely_reason(origin: Origin, settings: Settings, components: Components) -> tuple[str, list[str]]:
    """Return the likely reason of a divergence, and overrides that avoid it."""
    outputs, weights = (origin.largest.get(place, 0.0) for place in ("outputs", "weights"))
    wider = ["trainer.dtype=float64"] if settings.trainer.dtype == "float32" else []
    lr = settings.optimizer.lr
    smaller = [override("optimizer.lr", float(f"{smaller_lr(settings):.2g}"))]
    if origin.place in ("inputs", "targets") or origin.largest.get("inputs", 0.0) > HUGE_INPUT:
        return input_reason(origin, settings, components, wider or smaller)
    if origin.place in ("loss", "loss gradient") and outputs < MODERATE_OUTPUT:
        name = type(settings.loss).__name__
        default = task_of(components.dataset.task).default_loss
        fixes = [f"loss={default}"] if settings.choices.get("loss") != default else wider or smaller
        return f"a log of 0, a division by 0 or an overflow in {name}", fixes
    size = f"weights of {origin.weights_of} are up to {weights:.1g}"
    if not components.trainer.steps_taken and origin.place:
        init = settings.choices.get("init", "custom")
        fixes = [f"init={STABLE_INIT}"] if init != STABLE_INIT else wider or smaller
        return f"exploding activations, up to {outputs:.1g}, with init={init}: {size}", fixes
    if origin.place and weights < MODERATE_WEIGHT and outputs > MODERATE_OUTPUT:
        return f"exploding activations, up to {outputs:.1g}, although {size} only", smaller
    cause = size if origin.weights_of else "an update of the weights is too large for their type"
    return f"the learning rate is too large (optimizer.lr={lr:g}): {cause}", smaller


def input_reason(
    origin: Origin, settings: Settings, components: Components, otherwise: list[str]
) -> tuple[str, list[str]]:
    """Return the reason and the fixes where inputs or targets of a batch are huge, NaN or infinite."""
    size = "" if origin.place == "inputs" else f" up to {origin.largest['inputs']:.1g}"
    if components.train.augment is not None and origin.place == "inputs":
        return "the augmentation makes inputs that are not finite", ["augment=none"]
    columns = components.dataset.columns
    if origin.place == "targets" or not columns:
        what = "targets" if origin.place == "targets" else "inputs"
        return f"{what} with huge values{size}, which are too large for {settings.trainer.dtype}", otherwise
    name = [column.name for column in columns for _ in column.inputs][origin.extreme_input]
    fix = merged_list_override("data.drop", settings.values["data"].get("drop"), [name])
    return f"inputs with huge values{size}, in column {one_line(name)!r}", [fix]


def smaller_lr(settings: Settings) -> float:
    """Return a tenth of the learning rate; of a huge one, the optimizer's default."""
    default = getattr(type(settings.optimizer), "lr", SAFE_LR)
    return min(settings.optimizer.lr / 10, default if isinstance(default, float) else SAFE_LR)
