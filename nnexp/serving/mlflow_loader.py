"""Load a network for MLflow with the installed nnexp, or the one beside the weights; copied into models."""

import sys
from pathlib import Path
from typing import Any


def _load_pyfunc(path: str) -> Any:
    """Return the object whose `predict` MLflow calls; `path` is the folder of a bundle."""
    library = str(Path(path) / "nnexp.zip")
    if library not in sys.path:
        sys.path.append(library)  # last: an installed nnexp comes first; plugins may be in here alone
    from nnexp.serving.pyfunc import PyfuncModel

    return PyfuncModel.load(Path(path))
