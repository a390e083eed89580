"""The log in a run's folder of commands that Hydra does not start."""

import logging
from pathlib import Path


def log_to(path: Path) -> None:
    """Append what the terminal shows to the log of the run."""
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace", delay=True)
    handler.setFormatter(logging.Formatter("[%(asctime)s][%(levelname)s] %(message)s"))
    logger = logging.getLogger("nnexp")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
