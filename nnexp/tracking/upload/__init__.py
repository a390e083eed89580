"""Upload of journals to MLflow, in processes beside training."""
