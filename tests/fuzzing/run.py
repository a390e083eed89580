"""Fuzz one format with atheris, which is not among the requirements: pip install atheris.

python tests/fuzzing/run.py FORMAT FOLDER [options of libFuzzer, as -max_total_time=600]

FORMAT is that of a file fuzz_FORMAT.py here, whose `check(content)` lets through the errors that a user is
meant to see, and whose SEEDS are valid contents. Inputs that reach new code are kept in FOLDER; one that
crashes, hangs or takes more than a gigabyte is written to the working directory. Put it into corpus/FORMAT,
which the test suite replays, and fix its cause.
"""

import resource
import sys
from hashlib import sha256
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
MAX_ADDRESSES = 8 << 30  # bytes
OPTIONS = ["-rss_limit_mb=1024", "-timeout=10", "-max_len=65536"]


def main() -> None:
    import atheris

    name, folder, *options = sys.argv[1:]
    sys.path[:0] = [str(HERE), str(HERE.parents[1])]
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESSES, MAX_ADDRESSES))
    with atheris.instrument_imports(include=["nnexp", "zipfile", "yaml", "omegaconf", "hydra"]):
        target = import_module(f"fuzz_{name}")
    Path(folder).mkdir(parents=True, exist_ok=True)
    for seed in target.SEEDS:
        (Path(folder) / sha256(seed).hexdigest()[:16]).write_bytes(seed)
    kept = HERE / "corpus" / name
    folders = [folder, str(kept)] if kept.is_dir() else [folder]
    atheris.Setup([sys.argv[0], *OPTIONS, *options, *folders], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
