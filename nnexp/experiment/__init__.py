"""One experiment: components, run, evaluation, artifacts."""
