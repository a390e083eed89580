"""The endings of files that are tables, for training and for predictions."""

from itertools import product

DELIMITED = tuple(
    f"{ending}{packed}"
    for ending, packed in product((".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".data"), ("", ".gz"))
)
"""Text whose delimiter is detected."""
