"""Epochs that a search with pruning needs to reach the best accuracy of a random search without.

    pip install 'nnexp[search]'
    NNEXP_DATA=... python tests/benchmarks/search.py [--data mnist] [--trials 60] [--epochs 10] [--seeds 3]
        [OVERRIDE ...]

For each seed, a random search of so many trials trains all of its epochs, with the schedule and the average
of the preset `hparams_search=asha`; then a search with this preset, of the same space, runs until its share
of these epochs is used up. Printed are the best validation accuracy of both, and the share of the epochs
after which pruning has reached that of the random search (by the order in which trials ended).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SHARE = 0.35  # of the epochs of the random search
SETTINGS = ("schedule=constant", "averaging=ema")  # of the preset asha; given to both searches
End = tuple[float, int, float | None]  # when a trial ended, its epochs, its accuracy


def search(preset: str, options: argparse.Namespace, seed: int, folder: Path) -> list[End]:
    """Run a search; return how its trials ended, in this order."""
    overrides = [f"hparams_search={preset}", f"data={options.data}", f"trainer.epochs={options.epochs}"]
    overrides += [f"seed={seed}", f"search.trials={options.trials * (1 if preset == 'random' else 2)}"]
    overrides += [f"sweep.jobs={options.jobs}", "tracking=none", "tracking.plots=false", "sweep.report=false"]
    overrides += [f"hydra.sweep.dir={folder}", *SETTINGS, *options.overrides]
    subprocess.run([sys.executable, "-m", "nnexp", *overrides], check=True, stdout=subprocess.DEVNULL)
    return sorted(trial_of(path) for path in folder.glob("*/journal.jsonl"))


def trial_of(path: Path) -> End:
    """Read when a run ended, its epochs, and its best validation accuracy; None: it was pruned."""
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    metrics = [entry for entry in entries if entry["kind"] == "metrics"]
    epochs = max((entry["step"] for entry in metrics if "val/accuracy" in entry["values"]), default=0)
    best = [e["values"]["best/val_accuracy"] for e in metrics if "best/val_accuracy" in e["values"]]
    end = entries[-1]
    return end["time"], epochs, None if end.get("pruned") or not best else best[0]


def main() -> None:
    """Print a line per seed, and the mean."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="mnist")
    for name, default in (("trials", 60), ("epochs", 10), ("seeds", 3), ("jobs", os.cpu_count() or 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("overrides", nargs="*", help="of both searches, such as schedule=cosine")
    options = parser.parse_args()
    shares = []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            full = search("random", options, seed, Path(folder, "random"))
            pruned = search("asha", options, seed, Path(folder, "asha"))
        goal = max(value for _, _, value in full if value is not None)
        budget = sum(epochs for _, epochs, _ in full)
        used, best, reached = 0, 0.0, None
        for _, epochs, value in pruned:
            used += epochs
            if used > SHARE * budget:
                break
            best = max(best, value or 0.0)
            if best >= goal and reached is None:
                reached = used / budget
        shares.append(reached)
        when = "not reached" if reached is None else f"reached after {reached:.1%} of its epochs"
        print(
            f"seed {seed}: random {goal:.2%} in {budget} epochs; asha {best:.2%} in {SHARE:.0%}, {when}",
            flush=True,
        )
    if None not in shares:
        print(f"mean share of the epochs: {statistics.fmean(share for share in shares if share):.1%}")


if __name__ == "__main__":
    main()
