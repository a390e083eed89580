"""Whether a run computes with compiled kernels: what is asked for, what is installed, what it would save."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from nnexp.config.schema import KernelChoice
from nnexp.data.batches import Batches
from nnexp.training.trainer import Trainer

KernelPath = Literal["numpy", "compiled"]
START = 1.0  # seconds that Numba's import and its cache take, about
SAVED_PER_STEP = 120e-6  # seconds, of a small network
SAVED_PER_WEIGHT = 1.5e-9  # seconds in a step


@dataclass(frozen=True)
class Kernels:
    """The path that a run computes on, and the classes that keep their NumPy lines on the compiled one."""

    path: KernelPath = "numpy"
    plain: tuple[str, ...] = ()

    def describe(self) -> str:
        """Format it for the header of a run; empty on the NumPy path."""
        if self.path == "numpy":
            return ""
        return "kernels compiled" + (f" (NumPy: {', '.join(self.plain)})" if self.plain else "")


def is_numba_installed() -> bool:
    """Return whether Numba is installed, without its import."""
    return find_spec("numba") is not None


def usable_path(recorded: str) -> KernelPath:
    """Return the recorded path of a run, or "numpy" where its kernels cannot be compiled."""
    return "compiled" if recorded == "compiled" and is_numba_installed() else "numpy"


def seconds_saved(trainer: Trainer) -> float:
    """Estimate what compiled kernels save in all steps of a run."""
    weights = len(trainer.network.parameters)
    return trainer.steps_planned * (SAVED_PER_STEP + SAVED_PER_WEIGHT * weights)


def use_kernels(wanted: KernelChoice, trainer: Trainer, others: Iterable[Batches | None] = ()) -> Kernels:
    """Compile a trainer, and batches of other splits, if that is asked for or, for "auto", saves time."""
    if wanted == "numpy" or not is_numba_installed():
        return Kernels()
    if wanted == "auto" and seconds_saved(trainer) < START:
        return Kernels()
    from nnexp.kernels.substitution import substitute

    return Kernels("compiled", tuple(substitute(trainer, *filter(None, others))))
