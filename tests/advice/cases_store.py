"""Advice about the MLflow store."""

from advice.advice import Case

DAMAGED = {"mlruns/mlflow.db": "this is not a database, it is a sentence " * 200, "outputs/.keep": ""}

LOST = {"outputs/runs/a/mlflow.json": "{}"}

CASES = [
    Case("runs", "mlruns/mlflow.db is missing", ("nnexp sync --rebuild",), LOST),
    Case("runs", "mlruns/mlflow.db: the database is damaged", ("nnexp sync --rebuild",), DAMAGED),
    Case("show best", "mlruns/mlflow.db: the database is damaged", ("nnexp sync --rebuild",), DAMAGED),
]
