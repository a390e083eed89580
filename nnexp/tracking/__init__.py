"""Tracking of runs: journal, provenance, prediction tables, MLflow."""
