"""The import of mlflow in an upload process."""

import shutil
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from nnexp.tracking.upload import lean_import
from nnexp.tracking.upload.process_setup import DATABASE_STORE, import_mlflow

lean_import.HIDDEN = tuple(sys.argv[1:])
import_mlflow(DATABASE_STORE)
loaded = {name for name in ("fastapi", "scipy", "pygments") if sys.modules.get(name)}
assert (not loaded) == ("scipy" in sys.argv), loaded
import mlflow.gateway, mlflow.genai
from mlflow.tracking import MlflowClient
import pyarrow, scipy

assert callable(mlflow.gateway.get_gateway_uri)
assert callable(mlflow.genai.make_judge)
assert MlflowClient(tracking_uri="sqlite:///mlflow.db").search_experiments()
"""


@pytest.mark.parametrize(
    "hidden", [("pyarrow", "pygments", "scipy"), ("pandas",)], ids=["as it is", "needed"]
)
def test_what_no_upload_uses_is_left_out_unless_mlflow_needs_it(alone, empty_store, hidden):
    shutil.copy(empty_store, alone / "mlflow.db")
    subprocess.run([sys.executable, "-c", PROGRAM, *hidden], check=True, cwd=alone, timeout=300)
