"""`nnexp lr-find`: find a learning rate: train while it grows, watch the loss."""

import shlex
from collections.abc import Iterator, Sequence
from math import ceil, floor, isfinite, log10
from pathlib import Path

import numpy as np

from nnexp.cli.arguments import Arguments
from nnexp.config import Settings, build, compose
from nnexp.errors import UserError
from nnexp.experiment.components import build_components
from nnexp.plots.style import save
from nnexp.training.lr_range_test import LRCurve, lr_range_test
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.threads.limits import shared_products

MIN_STEPS = 100
LR = "optimizer.lr"


class NoSuggestionError(UserError):
    """The range test suggests no learning rate."""

    exit_code = 1


def main(arguments: list[str]) -> int:
    """Run the range test, draw its curve and print a suggestion; return the exit code."""
    parser = Arguments("lr-find", "Find a learning rate: train while it grows, watch the loss.")
    parser.add_overrides("data=mnist optimizer=momentum seed=1")
    parser.add_argument("--low", type=float, default=1e-6, metavar="LR", help="the first one (default: 1e-6)")
    parser.add_argument("--high", type=float, default=10.0, metavar="LR", help="the last one (default: 10)")
    parser.add_argument("--steps", type=int, default=300, metavar="N", help="of training (default: 300)")
    parser.add_plot("lr-find.png")
    options = parser.parse_intermixed_args(arguments)
    if not (0 < options.low < options.high and isfinite(options.high)):
        parser.error(f"--low {options.low:g} --high {options.high:g}: expected 0 < low < high")
    if options.steps < MIN_STEPS:
        parser.error(f"--steps {options.steps}: expected at least {MIN_STEPS}")
    settings = build(compose(options.overrides, config_dir=options.config_dir))
    curve = find(settings, options.low, options.high, options.steps)
    if not len(curve.lr):
        raise NoSuggestionError("the loss is NaN or infinite before the first step; fix: another init")
    draw(curve, settings, options.out)
    print("\n".join(table(curve)), options.out.resolve(), sep="\n\n")
    if not curve.falls:
        losses = f"it starts at {curve.first:.4g}, and its minimum is {curve.smoothed[curve.lowest]:.4g}"
        remedy = "a smaller --low" if curve.diverged else "a larger --high"
        raise NoSuggestionError(f"the loss never falls: {losses}; fix: {remedy}, or another init")
    if curve.still_falls:
        print(f"The loss still falls at {curve.lr[-1]:.3g}: a larger --high may find a larger learning rate.")
    lr = suggestion(curve)
    print(f"Suggestion: {LR}={lr}\n\n  {run_command(options.overrides, lr, options.config_dir)}")
    return 0


def find(settings: Settings, low: float, high: float, steps: int) -> LRCurve:
    """Run the range test on the experiment's data, network and batches, without schedule and averaging."""
    with np.errstate(all="ignore"), shared_products(settings.trainer.threads) as products:
        components = build_components(settings)
        network = components.network
        accumulate = settings.trainer.accumulate
        optimizer_step = OptimizerStep(
            network, settings.optimizer, regularization=settings.regularization, accumulate=accumulate
        )
        products.use_in(network, optimizer_step, components.train)
        with products.running():
            return lr_range_test(
                network, settings.loss, optimizer_step, components.train, low, high, steps, products
            )


def draw(curve: LRCurve, settings: Settings, out: Path) -> None:
    """Plot the curve with its suggestion into a file."""
    from nnexp.plots.lr_range import lr_curve

    names = ", ".join(settings.choices.get(group, "custom") for group in ("data", "model", "optimizer"))
    batches = f"batches of {settings.trainer.batch_size}, seed {settings.seed}"
    lr = float(suggestion(curve)) if curve.falls else None
    bounds = curve.bounds if curve.falls else None
    title = f"learning-rate range test: {names}, {batches}"
    save(lr_curve(curve.lr, curve.loss, curve.smoothed, title, lr, bounds), out)


def table(curve: LRCurve) -> Iterator[str]:
    """Yield the lines of a table: the smoothed loss at each power of ten."""
    yield "learning rate    loss"
    for power in range(ceil(log10(curve.lr[0]) - 1e-9), floor(log10(curve.lr[-1]) + 1e-9) + 1):
        nearest = int(np.argmin(np.abs(np.log10(curve.lr) - power)))
        yield f"{10.0**power:13g}  {curve.smoothed[nearest]:6.4g}"
    if curve.diverged:
        yield f"{curve.lr[-1]:13.2g}  diverged"


def suggestion(curve: LRCurve) -> str:
    """Format the suggested learning rate with the two digits that are significant."""
    return f"{float(f'{curve.suggestion:.2g}'):g}"


def run_command(overrides: Sequence[str], lr: str, config_dir: str | None = None) -> str:
    """Return the command of a run with that learning rate, quoted for a shell."""
    others = [override for override in overrides if override.lstrip("+").partition("=")[0] != LR]
    config_options = ["--config-dir", config_dir] if config_dir else []
    return shlex.join(["nnexp", *config_options, *others, f"{LR}={lr}"])
