"""`nnexp sync` of folders that may come from strangers."""

import pytest

from nnexp.tracking.mlflow.store_errors import StoreError
from nnexp.tracking.upload.sync import check_recorded_uri


@pytest.mark.parametrize(
    ("variable", "uri"),
    [("MLFLOW_TRACKING_TOKEN", "https://stranger"), ("PGPASSWORD", "postgresql+psycopg2://stranger/db")],
)
def test_a_password_goes_to_no_store_that_only_a_journal_names(monkeypatch, variable, uri):
    check_recorded_uri(uri)
    monkeypatch.setenv(variable, "s3cr3t-W0rd")
    check_recorded_uri("sqlite:///mlruns/mlflow.db")
    with pytest.raises(StoreError, match=f"would get this environment's {variable}; fix: "):
        check_recorded_uri(uri)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    check_recorded_uri(uri)
