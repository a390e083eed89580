"""`nnexp lr-find`: the learning-rate range test on the experiment that the overrides describe, as a picture and as advice."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from math import ceil, floor, isfinite, log10
from pathlib import Path

import numpy as np

from nnexp.cli.arguments import Arguments
from nnexp.config import ConfigError, Settings, build, compose
from nnexp.data.errors import DataError
from nnexp.experiment.components import build_components
from nnexp.plots.lr_range import lr_curve
from nnexp.training.lr_range_test import Curve, range_test
from nnexp.training.numerics import blas_threads
from nnexp.training.optimizer_step import OptimizerStep

FORMATS = (".png", ".svg", ".pdf")
LEAST_STEPS = 100
LR = "optimizer.lr"
USER_ERROR, FAILURE = 2, 1


def main(arguments: list[str]) -> int:
    """Test, draw and advise; returns the exit code, 1 where there is nothing to advise."""
    parser = Arguments("lr-find", "Find a learning rate: train while it grows, watch the loss.")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="as of a run: data=mnist optimizer=momentum seed=1"
    )
    parser.add_argument(
        "--low", type=float, default=1e-6, metavar="LR", help="the first learning rate (default: 1e-6)"
    )
    parser.add_argument("--high", type=float, default=10.0, metavar="LR", help="the last one (default: 10)")
    parser.add_argument(
        "--steps", type=int, default=300, metavar="N", help="from the first to the last (default: 300)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("lr-find.png"), metavar="FILE", help="default: lr-find.png"
    )
    parser.add_argument("--config-dir", metavar="DIR", help="a folder of your own config groups")
    options = parser.parse_intermixed_args(arguments)
    if not (0 < options.low < options.high and isfinite(options.high)):
        parser.error(
            f"--low {options.low:g} --high {options.high:g}: learning rates are numbers > 0, and --low is the smaller one"
        )
    if options.steps < LEAST_STEPS:
        parser.error(f"--steps {options.steps}: fewer than {LEAST_STEPS} show nothing")
    if options.out.suffix.lower() not in FORMATS:
        parser.error(f"--out {options.out}: a picture's name ends in {', '.join(FORMATS)}")
    try:
        settings = build(compose(options.overrides, config_dir=options.config_dir))
        curve = find(settings, options.low, options.high, options.steps)
        if len(curve.lr):
            draw(curve, settings, options.out)
    except (ConfigError, DataError, OSError) as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return USER_ERROR
    except MemoryError as error:
        print(
            f"nnexp: out of memory: {error}; take a smaller model.hidden or trainer.batch_size",
            file=sys.stderr,
        )
        return USER_ERROR
    if not len(curve.lr):
        print("nnexp: the loss is no number before the first step: take another init", file=sys.stderr)
        return FAILURE
    print("\n".join(table(curve)))
    print(f"\n{options.out.resolve()}")
    if not curve.falls:
        lowest, remedy = (
            curve.smoothed[curve.lowest],
            "a smaller --low" if curve.diverged else "a larger --high",
        )
        what = f"the loss never falls: it begins at {curve.first:.4g}, and {lowest:.4g} is the lowest that it comes to"
        print(f"nnexp: {what}; take {remedy}, or another init", file=sys.stderr)
        return FAILURE
    if curve.still_falls:
        print(f"The loss still falls at {curve.lr[-1]:.3g}: a larger --high may find a larger learning rate.")
    print(
        f"Suggestion: {LR}={suggested(curve)}\n\n  {command(options.overrides, suggested(curve), options.config_dir)}"
    )
    return 0


def find(settings: Settings, low: float, high: float, steps: int) -> Curve:
    """The range test on a run's own parts: its data, network and order of batches; without its schedule and averaging.

    Raises:
        ConfigError: parts that do not go together.
        DataError: the data cannot be had, trusted or split so.
    """
    with np.errstate(all="ignore"), blas_threads(settings.trainer.threads):
        parts = build_components(settings)
        penalties, accumulate = settings.regularization, settings.trainer.accumulate
        update = OptimizerStep(
            parts.network, settings.optimizer, regularization=penalties, accumulate=accumulate
        )
        return range_test(parts.network, settings.loss, update, parts.train, low, high, steps)


def draw(curve: Curve, settings: Settings, out: Path) -> None:
    """The picture, into a file."""
    named = (settings.choices.get(group, "custom") for group in ("data", "model", "optimizer"))
    title = f"learning-rate range test: {', '.join(named)}, batches of {settings.trainer.batch_size}, seed {settings.seed}"
    found: tuple[float | None, tuple[float, float] | None] = (None, None)
    if curve.falls:
        found = float(suggested(curve)), curve.bounds
    lr_curve(curve.lr, curve.loss, curve.smoothed, title, *found).savefig(out)


def table(curve: Curve) -> Iterator[str]:
    """The smoothed loss at each power of ten, and how the test ended."""
    yield "learning rate    loss"
    for power in range(ceil(log10(curve.lr[0]) - 1e-9), floor(log10(curve.lr[-1]) + 1e-9) + 1):
        nearest = int(np.argmin(np.abs(np.log10(curve.lr) - power)))
        yield f"{10.0**power:13g}  {curve.smoothed[nearest]:6.4g}"
    if curve.diverged:
        yield f"{curve.lr[-1]:13.2g}  diverged"


def suggested(curve: Curve) -> str:
    """The suggestion with two digits: it is no more exact than that."""
    return f"{float(f'{curve.suggestion:.2g}'):g}"


def command(overrides: Sequence[str], lr: str, config_dir: str | None = None) -> str:
    """The run with that learning rate, to be copied into a shell."""
    kept = [override for override in overrides if override.lstrip("+").partition("=")[0] != LR]
    own = ["--config-dir", config_dir] if config_dir else []
    return shlex.join(["nnexp", *own, *kept, f"{LR}={lr}"])
