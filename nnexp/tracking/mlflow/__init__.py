"""MLflow: store, runs, models, dataset inputs, notes."""
