"""Saved views of MLflow's runs page: what they show, how MLflow stores them."""
