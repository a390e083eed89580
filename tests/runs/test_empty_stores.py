"""Where a store has no runs: the message says where they are."""

import pytest

from nnexp.run_folder import UPLOAD_STATE
from nnexp.runs.empty_stores import describe_empty
from nnexp.tracking.mlflow.store import tracking_uri


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ('{"sqlite:///my runs.db": {}}', "in another store; fix: nnexp runs --uri 'sqlite:///my runs.db'"),
        ('{"sqlite:///o.db": {}, "sqlite:///mlruns/mlflow.db": {}}', "is missing; fix: nnexp sync --rebuild"),
        ("{}", "is missing; fix: nnexp sync --rebuild"),
    ],
)
def test_a_store_that_is_missing_is_rebuilt_only_if_it_had_the_runs(alone, state, message):
    folder = alone / "outputs" / "runs" / "2026-11-26" / "a"
    folder.mkdir(parents=True)
    (folder / UPLOAD_STATE).write_text(state)
    assert describe_empty(tracking_uri(None), None).endswith(message)
