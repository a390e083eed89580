"""Images per second of each augmentation, on one thread; prints a Markdown table.

    python tests/benchmarks/augment.py [--rounds 200] [--only elastic,distort]

Batches of 28 x 28 images of noise in float32 are changed in place, with the settings of conf/augment. The
augmentations take turns batch by batch, so that a drift of the machine's speed affects all alike. Median and,
in brackets, best of all rounds, in thousands of images per second.
"""

import argparse
import os
import platform
from statistics import median
from time import perf_counter

import numpy as np
import yaml
from threadpoolctl import threadpool_limits

from nnexp.config.compose import CONF
from nnexp.data.augmentation.augment import Augment
from nnexp.serving.locate import locate

BATCHES = (128, 512)
SHAPE = (28, 28)


def augmentation(option: str, batch: int) -> Augment:
    values = yaml.safe_load((CONF / "augment" / f"{option}.yaml").read_text())
    made: Augment = locate(values.pop("_target_"))(**values)
    made.bind(SHAPE, batch, np.float32, np.random.default_rng(0))
    return made


def seconds(augment: Augment, x: np.ndarray) -> float:
    start = perf_counter()
    augment(x)
    return perf_counter() - start


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--rounds", type=int, default=200)
    names = sorted(path.stem for path in (CONF / "augment").glob("[!n]*.yaml"))
    parser.add_argument("--only", default=",".join(names))
    options = parser.parse_args()
    names = options.only.split(",")
    cores = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{cores}, Python {platform.python_version()}, NumPy {np.__version__}\n")
    print(f"| batch | {' | '.join(names)} |")
    print(f"|---|{'---|' * len(names)}", flush=True)
    for batch in BATCHES:
        x = np.random.default_rng(0).random((batch, SHAPE[0] * SHAPE[1]), np.float32)
        made = [augmentation(name, batch) for name in names]
        times = [[seconds(augment, x) for augment in made] for _ in range(options.rounds + 1)][1:]
        columns = zip(*times, strict=True)
        rates = [(batch / median(column) / 1000, batch / min(column) / 1000) for column in columns]
        cells = [f"{typical:.1f} ({best:.1f})" for typical, best in rates]
        print(f"| {batch} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
