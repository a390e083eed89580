"""Metrics: streaming scores, evaluation reports, how a metric is read and formatted. NumPy only."""
