"""The plots of a sweep, drawn from learning curves and from the statistics of nnexp/analysis."""
