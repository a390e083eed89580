"""The data of an MLflow model: description, weights, and the code that they need, so that no nnexp must be installed to use them."""

import io
import json
import shutil
from functools import cache
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from nnexp.serving.pyfunc import DESCRIPTION, WEIGHTS

PACKAGE = Path(__file__).parent.parent
LIBRARY = "nnexp.zip"
SHARED = ("metrics", "nn", "preprocessing", "serving")
MODULES = ("__init__.py", "errors.py", "messages.py")
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # a zip knows nothing earlier: the same code is the same bytes


def write(folder: Path, network_json: Path, weights: Path, home: Path | None = None) -> None:
    """Make the folder: network.json, weights.npz, nnexp.zip.

    Args:
        folder: to be made; what is in it is written over.
        network_json: the run's description.
        weights: the run's weights.
        home: where plugins are looked for; None: the working directory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(network_json, folder / DESCRIPTION)
    shutil.copyfile(weights, folder / WEIGHTS)
    plugins = json.loads(network_json.read_text()).get("plugins") or []
    (folder / LIBRARY).write_bytes(library(tuple(sorted(plugins)), home or Path.cwd()))


@cache
def library(plugins: tuple[str, ...], home: Path) -> bytes:
    """A zip of nnexp.nn, nnexp.serving and those of the plugins that lie in the folder `home`."""
    sources = [(path, PACKAGE.parent) for name in SHARED for path in (PACKAGE / name).rglob("*.py")]
    sources += [(PACKAGE / name, PACKAGE.parent) for name in MODULES]
    for plugin in plugins:
        module = home / f"{plugin}.py"
        sources += [
            (path, home) for path in ([module] if module.is_file() else (home / plugin).rglob("*.py"))
        ]
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as file:
        for name, path in sorted((path.relative_to(root).as_posix(), path) for path, root in sources):
            entry = ZipInfo(name, LONG_AGO)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            file.writestr(entry, path.read_bytes())
    return packed.getvalue()
