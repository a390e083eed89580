"""Advice about tables."""

from advice.advice import Case

NAMES = "id,kind,size\n" + "".join(f"a{n},{'xy'[n % 2]},{n}\n" for n in range(40))

CASES = [
    Case(
        "data=table data.path=names.csv data.target=kind",
        "the column 'id' has 40 distinct values in 40 rows",
        ("'data.drop=[id]'", "'data.categorical=[id]'"),
        {"names.csv": NAMES},
    )
]
