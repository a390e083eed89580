"""The plots of one run. The function `plots` of each module yields those that the run has the data for.

A new plot is a new module here and a row in tests/plots/test_run_plots.py.
"""
