"""Any content of a run's journal and JSON files is read as far as it is valid, without an error."""

import json
import tempfile
from pathlib import Path

from nnexp.run_folder import DATASET, ENVIRONMENT, JOURNAL, RunFolder, end_of, head_of, history, unit_of

WRITER = {"host": "a", "pid": 1, "began": "2"}
ENTRIES = [
    {"kind": "run", "time": 1, "id": "ab", "writer": WRITER, "destination": None, "name": "a",
     "unit": "epoch", "params": {"seed": "0"}, "tags": {"a": "b"}},
    {"kind": "metrics", "time": 2, "step": 1, "values": {"train/loss": 0.5, "val/loss": float("nan")}},
    {"kind": "confusion", "time": 3, "step": 1, "matrix": [[1, 2], [3, 4]]},
    {"kind": "artifact", "time": 4, "path": "config.yaml"},
    {"kind": "resume", "time": 5, "step": 1, "name": "b", "writer": WRITER, "destination": None,
     "params": {}, "tags": {}},
    {"kind": "end", "time": 6, "status": "FINISHED"},
]  # fmt: skip
LINES = [json.dumps(entry).encode() + b"\n" for entry in ENTRIES]
SEEDS = [
    b"".join(LINES),
    *LINES,
    b'{"task": "classification", "splits": {"val": {"examples": 1}}}',
    b"[" * 99,
]


def check(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = RunFolder(Path(path))
        for name in (JOURNAL, DATASET, ENVIRONMENT):
            (folder / name).write_bytes(content)
        assert isinstance(folder.dataset, dict)
        assert isinstance(folder.environment, dict)
        entries, offset = folder.entries_after(0)
        assert 0 <= offset <= len(content)
        assert folder.damaged_lines() >= 0
        assert folder.sessions()[0] == 0
        end_of(entries)
        assert all(isinstance(step, int) for step, _ in history(entries))
        if entries and entries[0]["kind"] == "run":
            head_of(entries)
            unit_of(entries)
