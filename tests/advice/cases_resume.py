"""Advice about runs that are resumed."""

import json

from advice.advice import Case
from omegaconf import OmegaConf

from nnexp.config.build import resolved
from nnexp.config.compose import compose

EPOCHS = 3


def recorded(status: str, epochs: int) -> dict[str, str]:
    """Return the files of a run with so many of its epochs, and no checkpoint."""
    overrides = ["data=digits", "tracking=none", f"trainer.epochs={EPOCHS}", "trainer.batch_size=512"]
    writer = {"host": "elsewhere", "pid": 1, "began": ""}
    head = {"kind": "run", "time": 0, "id": "0", "name": "a", "writer": writer, "destination": None}
    head |= {"params": {}, "tags": {}, "unit": "epoch"}
    metrics = [
        {"kind": "metrics", "time": 0, "step": epoch + 1, "values": {"train/loss": 1}}
        for epoch in range(epochs)
    ]
    entries = [head, *metrics, {"kind": "end", "time": 0, "status": status}]
    journal = "".join(json.dumps(entry) + "\n" for entry in entries)
    config = OmegaConf.to_yaml(resolved(compose(overrides)))
    return {"outputs/a/journal.jsonl": journal, "outputs/a/config.yaml": config}


SWEEP = "outputs/sweeps/2026-11-26/15-30-00-ab12cd34"
RECORD = {
    "id": "2026-11-26/15-30-00-ab12cd34",
    "overrides": ["data=digits", "sweep.report=false", "seed=0"],
    "config_name": "config",
    "swept": {"seed": ["0"]},
    "jobs": [],
}
CASES = [
    Case(
        f"resume {SWEEP}",
        f"{SWEEP}: this is a sweep, not a run",
        (f"nnexp -m sweep.resume={SWEEP}",),
        {f"{SWEEP}/sweep.json": json.dumps(RECORD), f"{SWEEP}/journal.jsonl": ""},
    ),
    Case(
        "resume outputs/a trainer.epochs=1",
        "trainer.epochs=1: the run has completed 2 epochs already",
        ("trainer.epochs=3",),
        recorded("KILLED", 2),
    ),
    Case(
        "resume last",
        "the run is finished, after 3 of 3 epochs",
        ("nnexp resume outputs/a trainer.epochs=6",),
        recorded("FINISHED", 3),
    ),
]
