"""Statistics of many runs, from plain tables: what is better, by how much, and what chance explains."""

from nnexp.analysis.analysis import analyze, rank
from nnexp.analysis.results import Analysis, GroupAnalysis
from nnexp.analysis.run_table import RunRow, RunTable

__all__ = ["Analysis", "GroupAnalysis", "RunRow", "RunTable", "analyze", "rank"]
