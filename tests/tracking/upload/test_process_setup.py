"""What an upload process does to itself."""

import importlib
import shutil
import subprocess
import sys

import pytest

from nnexp.tracking.upload import process_setup
from nnexp.tracking.upload.process_setup import remember_absent_modules


def test_a_module_that_is_not_installed_is_searched_for_only_once(monkeypatch):
    monkeypatch.setattr(process_setup, "ABSENT", ("absent_module", "json"))
    monkeypatch.setitem(sys.modules, "absent_module", sys)
    del sys.modules["absent_module"]
    remember_absent_modules()
    searched = []
    monkeypatch.setattr(sys, "meta_path", [searched])
    with pytest.raises(ImportError, match="absent_module"):
        importlib.import_module("absent_module")
    assert searched == []
    assert importlib.import_module("json").loads("1") == 1


LEAN = """
import sys
from nnexp.tracking.upload import process_setup

process_setup.SPARSE = sys.argv[1]
process_setup.import_mlflow(process_setup.DATABASE_STORE)
loaded = {name for name in ("fastapi", "scipy", "pygments") if sys.modules.get(name)}
assert (not loaded) == (sys.argv[1] == "scipy"), loaded
import mlflow.gateway
from mlflow.tracking import MlflowClient
import scipy

assert callable(mlflow.gateway.get_gateway_uri)
assert MlflowClient(tracking_uri="sqlite:///mlflow.db").search_experiments()
"""


@pytest.mark.parametrize("hidden", ["scipy", pytest.param("pandas", id="pandas, which MLflow needs")])
def test_what_no_upload_uses_is_not_imported_unless_mlflow_needs_it(alone, empty_store, hidden):
    shutil.copy(empty_store, alone / "mlflow.db")
    subprocess.run([sys.executable, "-c", LEAN, hidden], check=True, cwd=alone, timeout=120)
