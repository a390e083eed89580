"""The checks of `nnexp doctor`. They change nothing, and import mlflow only if there is a store to open."""
