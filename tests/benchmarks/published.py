"""The table of published results and ours: each preset of conf/experiment/paper over several seeds.

    NNEXP_DATA=... python tests/benchmarks/published.py [--seeds 5] [--jobs 1] [NAME ...]

Each row is the sweep `nnexp -m experiment=paper/NAME 'seed=range(5)'`, made in this folder or gone on with
where it was interrupted, and read from its leaderboard. The interval of a published error is that of so many
errors among 10,000 test images (Wilson 1927); ours is that of the mean over seeds (Student's t). A row is
reached if our mean is no larger than the upper end of the published interval.
"""

import argparse
import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nnexp.metrics.intervals import wilson_interval

PRESETS = Path(__file__).parents[2] / "conf" / "experiment" / "paper"
TITLE = re.compile(r"# (?P<source>.+?): (?P<network>.+), (?P<error>[\d.]+) % test error")
IMAGES = 10_000  # of the test set
HEADER = """\
| published | test error, % | ours, % (95 % interval) | seeds | time of a run | `nnexp -m 'seed=range({})'` |
|---|---|---|---|---|---|"""


@dataclass(frozen=True)
class Published:
    """A result of the literature: its preset, source, network, and test error in percent."""

    name: str
    source: str
    network: str
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the error by Wilson, in percent."""
        low, high = wilson_interval(round(self.error / 100 * IMAGES), IMAGES)
        return 100 * low, 100 * high


def read_presets() -> Iterator[Published]:
    """Read what each preset says of its paper."""
    for path in sorted(PRESETS.glob("*.yaml")):
        match = TITLE.search(path.read_text(encoding="utf-8"))
        if match is None:
            raise ValueError(f"{path}: no line like '# Author Year: network, 1.6 % test error'")
        yield Published(path.stem, match["source"], match["network"], float(match["error"]))


def run_sweep(name: str, seeds: int, jobs: int) -> dict[str, str]:
    """Run the sweep of a preset; return the row of its leaderboard."""
    command = [sys.executable, "-m", "nnexp", "-m", f"experiment=paper/{name}", f"seed=range({seeds})"]
    folder = Path("outputs", "published", name)
    options = [f"hydra.sweep.dir={folder}", f"sweep.jobs={jobs}", "tracking.plots=false"]
    subprocess.run([*command, *options], check=True, stdout=sys.stderr)
    with (folder / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "runs.csv").open(encoding="utf-8", newline="") as file:
        runs = len(list(csv.DictReader(file)))
    if len(rows) != 1 or runs != seeds or int(rows[0]["n"]) != seeds:
        raise SystemExit(f"{folder} has runs of another preset or code, or failed ones: delete it")
    return rows[0]


def row_of(published: Published, result: dict[str, str]) -> str:
    """Format a row of the table."""
    low, high = published.interval
    error = 100 * (1 - float(result["mean"]))
    ends = [f"{100 * (1 - float(result[name])):.2f}" for name in ("high", "low") if result[name]]
    interval = f" ({' to '.join(ends)})" if ends else ""  # without one all runs have the same error
    mark = "" if error <= high else ", not reached"
    ours = f"{error:.2f}{interval}{mark}"
    theirs = f"{published.error:g} ({low:.2f} to {high:.2f})"
    seconds = float(result["time/total"])
    time = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
    return (
        f"| {published.source}: {published.network} | {theirs} | {ours} | {result['n']} | {time}"
        f" | `experiment=paper/{published.name}` |"
    )


def main() -> None:
    """Print the table, each row when its runs are over."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of presets; all where none is given")
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error("an interval needs at least two seeds")
    print(HEADER.format(options.seeds), flush=True)
    for published in read_presets():
        if not options.names or published.name in options.names:
            print(row_of(published, run_sweep(published.name, options.seeds, options.jobs)), flush=True)


if __name__ == "__main__":
    main()
