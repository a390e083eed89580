"""The cost of tracking: the same run without it, with it, and with it in a folder without a store, by turns.

    python tests/benchmarks/overhead.py [--rounds 5] [data=mnist trainer.epochs=10 ...]

Each run has a process of its own; where there is no store, MLflow creates its tables. Printed are seconds,
median (best): the training loop; from its end to the end of the process; from the start of the process to the
first step, without reading the data. "Alone" has no tracking process, no diagnostics, no plots. A first run
that is not counted leaves compiled modules in __pycache__, as the installation of a package does.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ALONE = ["tracking=none", "diagnostics.layers=false", "diagnostics.histograms=false"]
COLUMNS = {"loop": "the loop", "end": "after it", "first_step": "to the first step"}
COLUMNS |= {"data": "reading the data", "whole": "all"}
PROGRAM = """
import gc, json, sys, time

alone, report = sys.argv.pop(1) == "alone", sys.argv.pop(1)
from nnexp.__main__ import main
from nnexp.tracking.upload.client import Outcome, Uploader

if alone:
    class NoUploader:
        submit = lambda self, folder, **options: None
        wait = lambda self, folder, show=None: Outcome()
    Uploader.start = classmethod(lambda cls, mlflow: NoUploader())
else:
    Uploader.start(mlflow=True)  # as main does, before the imports

gc.disable()  # as main does
import nnexp.cli.train, nnexp.experiment.run
from nnexp.data.images.image_sets import ImageSet
from nnexp.training.trainer import Trainer

spans = {}

def watch(owner, name):
    function = getattr(owner, name)
    def watched(*arguments, **keywords):
        span = spans.setdefault(name, [time.time(), 0.0])
        try:
            return function(*arguments, **keywords)
        finally:
            span[1] = time.time()
    setattr(owner, name, watched)

watch(ImageSet, "load")
watch(Trainer, "train_until_pause")
watch(nnexp.experiment.run, "train")
sys.argv[0] = "nnexp"
code = main()
open(report, "w").write(json.dumps(spans))
sys.exit(code)
"""


def measure(kind: str, folder: str, overrides: list[str]) -> dict[str, float]:
    report = os.path.join(folder, "spans.json")
    started = time.time()
    command = [sys.executable, "-c", PROGRAM, kind, report, *overrides, *(ALONE if kind == "alone" else [])]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    ended = time.time()
    with open(report, encoding="utf-8") as file:
        spans = json.load(file)
    loaded = spans["load"][1] - spans["load"][0]
    return {
        "loop": spans["train"][1] - spans["train"][0],
        "end": ended - spans["train"][1],
        "first_step": spans["train_until_pause"][0] - started - loaded,
        "data": loaded,
        "whole": ended - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="The cost of tracking.")
    parser.add_argument("overrides", nargs="*", default=["data=mnist", "trainer.epochs=10"])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_intermixed_args()
    runs_of: dict[str, list[dict[str, float]]] = {"alone": [], "everything": [], "first run": []}
    with tempfile.TemporaryDirectory() as home:
        measure("everything", home, options.overrides)  # creates the store
        for _ in range(options.rounds):
            for kind, runs in runs_of.items():
                with tempfile.TemporaryDirectory() as new:
                    runs.append(measure(kind, new if kind == "first run" else home, options.overrides))
    print(f"{'':12}" + "".join(f"{title:>22}" for title in COLUMNS.values()))
    for kind, runs in runs_of.items():
        values = {name: [run[name] for run in runs] for name in COLUMNS}
        cells = (f"{statistics.median(v):14.2f} ({min(v):5.2f})" for v in values.values())
        print(f"{kind:12}{''.join(cells)}")
    for kind in ("everything", "first run"):
        pairs = list(zip(runs_of["alone"], runs_of[kind], strict=True))
        longer = statistics.median(b["loop"] / a["loop"] - 1 for a, b in pairs)
        after = statistics.median(b["end"] - a["end"] for a, b in pairs)
        print(f"{kind}: the loop takes {longer:+.1%} longer, {after:+.2f} s after it, median over pairs")


if __name__ == "__main__":
    main()
