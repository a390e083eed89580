"""All plots of a run, found in the modules of nnexp/plots/run."""

import logging
import sys
from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from pkgutil import iter_modules
from types import ModuleType

from nnexp.atomic_write import write_atomically
from nnexp.messages import one_line
from nnexp.plots import fonts
from nnexp.plots import run as plot_modules
from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.style import save
from nnexp.plots.text import LEGEND, printable
from nnexp.run_folder import RunFolder

MAX_CHARACTERS = 8  # of a message
DOCUMENT = "_update_set_signature_and_docstring"  # of a class of matplotlib


def draw_all(folder: RunFolder) -> tuple[list[str], list[str]]:
    """Draw every plot that a run has the data for; returns their paths in the folder, and error messages.

    Raises:
        OSError, ValueError: the journal cannot be read.
    """
    drawn, failures = [], []
    run = RunData(folder, folder.entries())
    for path, draw in run_plots(run):
        try:
            save(draw(), folder / path)
        except Exception as error:  # noqa: BLE001, one plot must not cost the others
            failures.append(f"{path}: {type(error).__name__}: {error}")
        else:
            drawn.append(path)
    if tuple(run.names) != tuple(map(printable, run.original_names)):
        write_atomically(folder / LEGEND, legend(run))
        drawn.append(LEGEND)
    if missing := fonts.missing_characters(run.original_names):
        failures.append(describe_missing(missing))
    return drawn, failures


def legend(run: RunData) -> str:
    """Return a line for each name: as it is in the plots, and the name itself."""
    pairs = zip(run.names, run.original_names, strict=True)
    return "".join(f"{shown}\t{one_line(name)}\n" for shown, name in pairs)


def describe_missing(characters: str) -> str:
    """Describe characters that no font has, and how to get one."""
    some = " ".join(characters[:MAX_CHARACTERS]) + (" ..." if len(characters) > MAX_CHARACTERS else "")
    font = f"install a font that has them (Debian: apt-get install {fonts.package_for(characters)})"
    return f"{some}: no font has these characters; {LEGEND} explains the numbers in the plots; fix: {font}"


def run_plots(run: RunData) -> Iterator[Plot]:
    """Yield the plots of all modules; each can be drawn on its own, in any order."""
    for module in load_modules():
        yield from module.plots(run)


def load_modules() -> list[ModuleType]:
    """Import the modules of nnexp/plots/run."""
    skip_docstrings()
    names = [module.name for module in iter_modules(plot_modules.__path__)]
    return [import_module(f"{plot_modules.__name__}.{name}") for name in names]


def skip_docstrings() -> None:
    """Let matplotlib, as it is imported, not write the documentation of `set` for its 100 classes.

    That is a third of its import. Verified on matplotlib 3.11; where another version has no such
    method, nothing is changed.
    """
    if "matplotlib.artist" in sys.modules:
        return
    from matplotlib.artist import Artist

    if hasattr(Artist, DOCUMENT):
        setattr(Artist, DOCUMENT, classmethod(lambda cls: None))


def warm_up() -> None:
    """Import what drawing needs, and draw once: the first plot of a process takes the longest."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns where it cannot write its own cache
    from nnexp.plots.run.confusion import epoch_confusion
    from nnexp.plots.run.curves import curves

    load_modules()
    metrics = {"train/loss": 1.0, "val/loss": 1.0, "train/accuracy": 0.5, "val/accuracy": 0.5, "lr": 0.1}
    curves([(1, metrics), (2, metrics)]).savefig(BytesIO())
    epoch_confusion([[1, 0], [0, 1]], ("a", "b"), 1)
