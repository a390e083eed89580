"""The plots of runs, sweeps and comparisons; importing this imports neither matplotlib nor Pillow."""

from nnexp.plots.run_plots import draw_all, warm_up

__all__ = ["draw_all", "warm_up"]
