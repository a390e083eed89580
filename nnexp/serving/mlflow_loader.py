"""How MLflow opens a network: the installed nnexp does, or the one that lies beside the weights. Copied into every model."""

import sys
from pathlib import Path
from typing import Any


def _load_pyfunc(path: str) -> Any:
    """The object whose `predict` MLflow calls; `path` holds network.json, weights.npz and nnexp.zip."""
    library = str(Path(path) / "nnexp.zip")
    if library not in sys.path:
        sys.path.append(
            library
        )  # at the end: an installed nnexp comes first, and a plugin may lie in here alone
    try:
        from nnexp.serving.pyfunc import Served
    except ImportError:  # an older nnexp is installed, which serves nothing
        for name in [name for name in sys.modules if name.partition(".")[0] == "nnexp"]:
            del sys.modules[name]
        sys.path.insert(0, library)
        from nnexp.serving.pyfunc import Served
    return Served.load(Path(path))
