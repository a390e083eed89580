"""The plots of one run."""
