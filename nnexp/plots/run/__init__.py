"""The plots of one run: `plots(run)` of each module yields those that the run has the data for."""
