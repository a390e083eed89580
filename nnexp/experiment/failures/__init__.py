"""Failures of a run while it trains: divergence, and disks that cannot be written to."""
