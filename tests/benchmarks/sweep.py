"""Time of one sweep with nnexp, with Lightning, Hydra, joblib and MLflow, with scikit-learn, by turns.

    pip install lightning torchmetrics torchvision hydra-joblib-launcher
    NNEXP_DATA=... python tests/benchmarks/sweep.py [--rounds 3] [--epochs 10] [--tools nnexp sklearn]

24 networks on MNIST, 50,000 images for training, batches of 128, Adam: 3 learning rates, 2 hidden layers, 4
seeds, two at a time. nnexp and Lightning record every epoch in MLflow, checkpoints and the test score of each
network; scikit-learn's grid search keeps validation scores, and fits the best network again on all 60,000
images (its default), for its test score. Each sweep has a new process, folder and store.
Printed are seconds, median (best).
"""

import argparse
import gzip
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

RATES, HIDDEN, SEEDS = (0.0005, 0.001, 0.002), (64, 128), 4
LIGHTNING = Path(__file__).with_name("lightning_sweep.py")
SKLEARN = """
import sys
import numpy as np
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neural_network import MLPClassifier
import nnexp

dataset = nnexp.compose(["data=mnist"])
from nnexp.config import build
data = build(dataset).data.load()
x, x_test = (np.float32(images.reshape(len(images), -1)) / 255 for images in (data.x, data.x_test))
y, y_test = data.y, data.y_test
fold = np.full(60000, -1)
fold[np.random.default_rng(0).permutation(60000)[:10000]] = 0
network = MLPClassifier(batch_size=128, max_iter=int(sys.argv[1]), n_iter_no_change=1000)
grid = {"learning_rate_init": %r, "hidden_layer_sizes": [(h,) for h in %r], "random_state": range(%r)}
search = GridSearchCV(network, grid, cv=PredefinedSplit(fold), n_jobs=2)
search.fit(x, y)
print(search.best_params_, search.best_score_, search.score(x_test, y_test))
"""


def command(tool: str, epochs: int, folder: str) -> list[str]:
    """Return the command that runs the sweep."""
    rates = ",".join(map(str, RATES))
    if tool == "nnexp":
        grid = [f"optimizer.lr={rates}", "model.hidden=" + ",".join(f"[{h}]" for h in HIDDEN)]
        grid += [f"seed=range({SEEDS})", f"trainer.epochs={epochs}", "sweep.jobs=2"]
        return [sys.executable, "-m", "nnexp", "-m", *grid]
    if tool == "lightning":
        grid = [f"lr={rates}", f"hidden={','.join(map(str, HIDDEN))}", f"seed=range({SEEDS})"]
        launcher = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
        settings = [f"data={folder}", f"store={store_in(folder)}", f"epochs={epochs}"]
        return [sys.executable, str(LIGHTNING), "-m", *grid, *launcher, *settings]
    return [sys.executable, "-c", SKLEARN % (RATES, HIDDEN, SEEDS), str(epochs)]


def store_in(folder: str) -> str:
    return f"sqlite:///{folder}/mlflow.db"


def prepare_lightning(folder: str) -> None:
    """Unpack MNIST where torchvision looks for it, and make store and experiment: its workers would race."""
    raw = Path(folder, "MNIST", "raw")
    raw.mkdir(parents=True)
    for path in Path(os.environ["NNEXP_DATA"], "mnist").glob("*ubyte*"):
        content = path.read_bytes()
        is_packed = path.suffix == ".gz"
        (raw / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(content) if is_packed else content)
    mlflow = [sys.executable, "-m", "mlflow"]
    environment = os.environ | {"MLFLOW_TRACKING_URI": store_in(folder)}
    for arguments in (["db", "upgrade", store_in(folder)], ["experiments", "create", "-n", "sweep"]):
        subprocess.run([*mlflow, *arguments], env=environment, cwd=folder, check=True, capture_output=True)


def measure(tool: str, epochs: int) -> float:
    """Return the seconds that a sweep takes in a new folder."""
    with tempfile.TemporaryDirectory() as folder:
        if tool == "lightning":
            prepare_lightning(folder)
        data = str(Path(os.environ["NNEXP_DATA"]).resolve())
        environment = os.environ | {"NNEXP_DATA": data, "MLFLOW_DISABLE_TELEMETRY": "true"}
        started = time.perf_counter()
        with Path(folder, "log").open("w+", encoding="utf-8") as log:
            options: dict[str, Any] = {"cwd": folder, "env": environment, "stdout": log, "stderr": log}
            code = subprocess.run(command(tool, epochs, folder), **options, check=False).returncode
            if code:
                log.seek(0)
                raise SystemExit(f"{tool} ended with exit code {code}:\n{log.read()[-3000:]}")
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--tools", nargs="+", default=["nnexp", "lightning", "sklearn"])
    options = parser.parse_args()
    tools = [tool for tool in options.tools if tool != "lightning" or find_spec("lightning")]
    seconds: dict[str, list[float]] = {tool: [] for tool in tools}
    for turn in range(options.rounds):
        for tool in tools:
            seconds[tool].append(measure(tool, options.epochs))
            print(f"round {turn + 1}: {tool} {seconds[tool][-1]:.1f} s", flush=True)
    for tool, times in seconds.items():
        print(f"{tool}: {statistics.median(times):.1f} ({min(times):.1f})")


if __name__ == "__main__":
    main()
