"""Rewind: back to the last good evaluation with half the learning rate, where a value is not finite."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnexp.training.best_weights import BestWeights
from nnexp.training.checkpoint.state import State
from nnexp.training.checkpoint.training_state import TrainingState
from nnexp.training.trainer import Trainer

MAX_REWINDS = 50
COUNT = "count"


class Rewind:
    """Keeps the state of the last good evaluation, at first that of the start, and restores it.

    It has a state of its own: a run that is resumed goes back to the same evaluation.

    Args:
        trainer: at its start.
        best: the best weights so far.
    """

    def __init__(self, trainer: Trainer, best: BestWeights) -> None:
        self.trainer = trainer
        self.training = TrainingState(trainer, best)
        self.count = 0
        self.is_restored = False  # from a checkpoint that holds a state to go back to
        self.keep()

    def keep(self) -> None:
        """Keep the present state."""
        self.state = self.training.capture()

    @property
    def is_exhausted(self) -> bool:
        """Whether no further rewind is allowed."""
        return self.count >= MAX_REWINDS

    def go_back(self) -> None:
        """Restore the state, except for the time used, and halve the learning rate that goes on from it."""
        step = self.trainer.optimizer_step
        elapsed = step.elapsed
        lr_factor = step.lr_factor
        self.training.restore(self.state)
        self.count += 1
        step.lr_factor = lr_factor / 2
        step.elapsed = elapsed
        if self.trainer.time_budget is not None:
            self.trainer.seconds = elapsed * self.trainer.time_budget

    def state_dict(self) -> dict[str, Any]:
        """Return the count and the kept state."""
        return {COUNT: self.count, **self.state.arrays, **self.state.values}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned; nothing where a run without rewinds goes on with them."""
        if not state:
            return
        self.is_restored = True
        self.count = state[COUNT]
        kept = {name: value for name, value in state.items() if name != COUNT}
        arrays = {name: value for name, value in kept.items() if isinstance(value, np.ndarray)}
        self.state = State(arrays, {name: value for name, value in kept.items() if name not in arrays})
