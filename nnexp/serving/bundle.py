"""Write an MLflow model's data: specification, weights, and the code to use them without nnexp installed."""

import io
import shutil
from functools import cache
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from nnexp.atomic_write import write_atomically
from nnexp.run_folder import NETWORK
from nnexp.serving.model_spec import ModelSpec
from nnexp.serving.pyfunc import WEIGHTS

PACKAGE = Path(__file__).parent.parent
LIBRARY = "nnexp.zip"
FOLDERS = ("metrics", "nn", "preprocessing", "serving")
MODULES = (
    *("__init__", "array_file", "atomic_write", "available_memory", "errors", "messages", "regular_file"),
    *("run_folder", "stored_array", "task", "tasks", "valid_records"),
)
EARLIEST = (1980, 1, 1, 0, 0, 0)  # that a zip can hold: the same code is the same bytes


def write_bundle(folder: Path, network_json: Path, weights: Path, plugin_root: Path | None = None) -> None:
    """Write network.json, weights.npz and nnexp.zip; plugins are in `plugin_root`, else here."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(network_json, folder / NETWORK)
    shutil.copyfile(weights, folder / WEIGHTS)
    plugins = tuple(sorted(ModelSpec.read(network_json).plugins))
    write_atomically(folder / LIBRARY, zip_library(plugins, plugin_root or Path.cwd()))


@cache
def zip_library(plugins: tuple[str, ...], plugin_root: Path) -> bytes:
    """Zip what a trained network needs of nnexp, and the plugins that are in `plugin_root`."""
    root = PACKAGE.parent
    sources = [(path, root) for name in FOLDERS for path in (PACKAGE / name).rglob("*.py")]
    sources += [(PACKAGE / f"{name}.py", root) for name in MODULES]
    for plugin in plugins:
        module = plugin_root / f"{plugin}.py"
        files = [module] if module.is_file() else (plugin_root / plugin).rglob("*.py")
        sources += [(path, plugin_root) for path in files]
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        for name, path in sorted((path.relative_to(root).as_posix(), path) for path, root in sources):
            entry = ZipInfo(name, EARLIEST)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return content.getvalue()
