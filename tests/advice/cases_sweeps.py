"""Advice about sweeps that go on."""

import json
import os

from advice.advice import Case

from nnexp.tracking.journal import process_identity

FOLDER = "outputs/sweeps/2026-01-01/a"
RECORD = {"id": "2026-01-01/a", "overrides": ["data=digits", "seed=0,1"], "config_name": "config"}
HEAD = {"kind": "run", "time": 0, "id": "0", "name": "a", "params": {}, "tags": {}, "destination": None}

CASES = [
    Case(
        f"sweep.resume={FOLDER} sweep.dry_run=true",
        f"the sweep in {FOLDER} is going on in another process",
        ("sweep.skip_finished=false",),
        {
            f"{FOLDER}/sweep.json": json.dumps(RECORD | {"swept": {"seed": ["0", "1"]}, "jobs": []}),
            f"{FOLDER}/journal.jsonl": f"{json.dumps(HEAD | {'writer': process_identity(os.getpid())})}\n",
        },
    ),
    Case(
        "-m data=digits seed=0,1 sweep.report=false hydra.sweep.subdir=same",
        "same: another job has this folder",
        ("'hydra.sweep.subdir=${hydra:job.num}'",) * 2,  # at once, and at the end of the sweep
        exit_code=1,
    ),
]
