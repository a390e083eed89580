"""Whether a run computes with compiled kernels: what is asked for, what is installed, what it would save."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from time import perf_counter
from typing import Literal

from nnexp.config.schema import KernelChoice
from nnexp.data.batches import Batches
from nnexp.training.threads.products import Products
from nnexp.training.trainer import Trainer

KernelPath = Literal["numpy", "compiled"]
START = 0.7  # seconds that Numba's import and its cache take, about
SAVED_PER_STEP = 30e-6  # seconds in each step, measured on 2 cores of a Xeon
SAVED_PER_WEIGHT = 1.1e-9
SAVED_PER_ACTIVATION = 1e-9  # of each example of a batch, inputs too
INSTALL = "pip install 'nnexp[fast]'"


class KernelsMissingError(ImportError):
    """Compiled kernels are asked for, and Numba is not installed or cannot be imported."""


@dataclass(frozen=True)
class Kernels:
    """The path that a run computes on.

    Args:
        path: of training and evaluation.
        plain: the classes that keep their NumPy lines on the compiled path.
        seconds: that compiling, or reading what was compiled before, has taken.
        problem: why kernels cannot be compiled where they would be.
    """

    path: KernelPath = "numpy"
    plain: tuple[str, ...] = ()
    seconds: float = 0.0
    problem: str = ""

    def take_over(self, products: Products) -> None:
        """Let compiled code share the products of a run, on the compiled path; before they are in use."""
        if self.path == "compiled":
            from nnexp.kernels.substitution import substitute_products

            substitute_products(products)

    def describe(self) -> str:
        """Format it for the header of a run; empty on the NumPy path."""
        if self.path == "numpy":
            return f"kernels NumPy: {self.problem}" if self.problem else ""
        text = "kernels compiled" + (f", NumPy for {', '.join(self.plain)}" if self.plain else "")
        return text + (f"; in {self.seconds:.0f} s, once on this machine" if self.seconds > 3 else "")


def is_numba_installed() -> bool:
    """Return whether Numba is installed, without its import."""
    return find_spec("numba") is not None


def usable_path(recorded: str) -> KernelPath:
    """Return the recorded path of a run, or "numpy" where its kernels cannot be compiled."""
    return "compiled" if recorded == "compiled" and is_numba_installed() else "numpy"


def seconds_saved(trainer: Trainer) -> float:
    """Estimate what compiled kernels save in all steps of a run."""
    weights = len(trainer.network.parameters)
    activations = trainer.train.size * sum(prod(layer.input_shape) for layer in trainer.network.walk())
    of_step = SAVED_PER_STEP + SAVED_PER_WEIGHT * weights + SAVED_PER_ACTIVATION * activations
    return trainer.steps_planned * of_step


def use_kernels(wanted: KernelChoice, trainer: Trainer, others: Iterable[Batches | None] = ()) -> Kernels:
    """Compile a trainer, and batches of other splits, if that is asked for or, for "auto", saves time.

    Raises:
        KernelsMissingError: "compiled" is asked for, and cannot be had.
    """
    if wanted == "numpy" or (wanted == "auto" and seconds_saved(trainer) < START):
        return Kernels()
    if not is_numba_installed():
        if wanted == "compiled":
            raise KernelsMissingError(f"needs Numba, which is not installed; fix: {INSTALL}")
        return Kernels()
    start = perf_counter()
    try:
        from nnexp.kernels.substitution import compile_now, substitute
    except ImportError as error:  # Numba refuses a newer NumPy than it knows
        problem = f"Numba cannot be imported: {error}"
        if wanted == "compiled":
            raise KernelsMissingError(f"{problem}; fix: pip install -U numba") from error
        return Kernels(problem=problem)
    plain = substitute(trainer, *filter(None, others))
    compile_now(trainer)
    return Kernels("compiled", tuple(plain), seconds=perf_counter() - start)
