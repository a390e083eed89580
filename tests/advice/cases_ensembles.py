"""Advice about ensembles of runs."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from advice.advice import Case
from fixtures.plotless import leave_out_plots

from nnexp import compose, run
from nnexp.experiment.ensembles.selection import FEWEST

RUN_FILES = ("journal.jsonl", "config.yaml", "dataset.json", "network.json", "weights/best.npz")


@cache
def trained(seed: int) -> dict[str, bytes]:
    """Return the files of a tiny run on the digits, by name."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as context:
        leave_out_plots(context.setattr)
        overrides = ["data=digits", "trainer.epochs=1", "model.hidden=[3]", "tracking=none", f"seed={seed}"]
        run(compose(overrides), Path(folder) / "run", display="quiet")
        return {name: (Path(folder) / "run" / name).read_bytes() for name in RUN_FILES}


class Runs(Mapping[str, bytes]):
    """The files of two runs, `a` and `b`, and of a third folder; the runs are trained when they are read."""

    def __init__(self, third: str) -> None:
        self.third = third

    @property
    def files(self) -> dict[str, bytes]:
        files = {f"{'ab'[seed]}/{name}": trained(seed)[name] for seed in range(FEWEST) for name in RUN_FILES}
        third = dict(trained(0))
        head, *rest = third["journal.jsonl"].splitlines(keepends=True)
        entry = json.loads(head) | {"name": self.third}
        if self.third == "mean":
            entry["tags"]["nnexp.kind"] = "ensemble"
            entry["params"] = {"ensemble.members": '["a", "b"]'}
        third["journal.jsonl"] = json.dumps(entry).encode() + b"\n" + b"".join(rest)
        dataset = json.loads(third["dataset.json"]) | {"name": "letters", "sha256": "0" * 64}
        third["dataset.json"] = json.dumps(dataset).encode()
        return files | {f"{self.third}/{name}": content for name, content in third.items()}

    def __getitem__(self, name: str) -> bytes:
        return self.files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


MADE = "is an ensemble: it has no training"
CASES = [
    Case("ensemble a other b", "the data sets of the runs differ:", ("nnexp ensemble a b",), Runs("other")),
    Case("resume mean", f"{MADE} to go on with", ("nnexp ensemble a b",), Runs("mean")),
    Case("reproduce mean", f"{MADE} to repeat", ("nnexp ensemble a b",), Runs("mean")),
]
