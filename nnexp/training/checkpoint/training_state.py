"""The whole state of training: everything that the next step depends on."""

from collections.abc import Iterable, Mapping

from nnexp.training.best_weights import BestWeights
from nnexp.training.checkpoint.state import ObjectState, Root, State, copy_array
from nnexp.training.trainer import Trainer

TRAINER = ("epoch", "seconds", "totals")
OPTIMIZER_STEP = ("grad_sum", "batches", "examples", "steps_taken", "elapsed", "lr", "lr_factor")
BATCHES = ("rows", "position", "shuffle")
BEST = ("theta", "state", "record", "best_value", "evaluations_since_improvement")
DIAGNOSTICS = ("due", "layers", "kept_histograms")


class TrainingState:
    """Captures and restores the state of a trainer and of all that it trains with, between two steps.

    Weights and running statistics, the optimizer, averages, schedule, random streams, the position in the
    pass, the sums of the record in progress, the best weights, diagnostics.

    Args:
        trainer: at its start.
        best: the best weights so far.
        others: further objects with state, by name.
    """

    def __init__(self, trainer: Trainer, best: BestWeights, others: Mapping[str, Root] | None = None) -> None:
        self.trainer = trainer
        step = trainer.optimizer_step
        network = trainer.network
        roots = {
            "trainer": Root(trainer, TRAINER),
            "step": Root(step, OPTIMIZER_STEP),
            "optimizer": Root(step.optimizer),
            "schedule": Root(step.schedule),
            "averaging": Root(step.averaging),
            "score": Root(trainer.score),
            "batches": Root(trainer.train, BATCHES),
            "best": Root(best, BEST),
        }
        if step.diagnostics is not None:
            roots["diagnostics"] = Root(step.diagnostics, DIAGNOSTICS)
        computing: dict[str, object] = {"loss": trainer.loss, "augment": trainer.train.augment}
        computing |= {f"layer{i}": layer for i, layer in enumerate(network.walk())}
        self.network = {"network/theta": network.theta, "network/state": network.state}
        shared = (network.theta, network.grad, network.state)
        roots |= {name: computing_root(owner) for name, owner in computing.items() if owner is not None}
        self.objects = ObjectState(roots | dict(others or {}), shared)

    def capture(self) -> State:
        """Copy the state; the weights are those that training goes on with, not their average."""
        averaging = self.trainer.optimizer_step.averaging
        is_applied = averaging.is_applied
        if is_applied:
            averaging.swap()
        try:
            state = self.objects.capture()
            state.arrays.update({name: array.copy() for name, array in self.network.items()})
        finally:
            if is_applied:
                averaging.swap()
        return state

    def restore(self, state: State, kept: Iterable[str] = ()) -> None:
        """Restore a captured state.

        Args:
            state: of a trainer that was built alike.
            kept: names whose present values stay, such as "optimizer/lr" where the setting was changed.

        Raises:
            StateError: it was not built alike.
        """
        averaging = self.trainer.optimizer_step.averaging
        if averaging.is_applied:
            averaging.swap()
        for name, array in self.network.items():
            copy_array(name, state.arrays[name], array)
        self.objects.restore(state, kept)
        if not self.trainer.totals.examples:  # what to measure depends on the planned steps
            self.trainer.start_record()


def computing_root(owner: object) -> Root:
    """Return the root of a loss, layer or augmentation: of nnexp's own only the generators are state."""
    is_own = type(owner).__module__.partition(".")[0] == __name__.partition(".")[0]
    return Root(owner, generators_only=is_own, has_buffers=True)
