"""Advice about how CSV files are written."""

from advice.advice import Case

PRICES = "size;price;kind\n" + "".join(f"{n};{n % 9 + 1},250;{'uv'[n % 2]}\n" for n in range(40))
QUOTED = '"2,5"'
MIXED = "size,price,kind\n" + "".join(f"{n},{(1.5, QUOTED)[n % 2]},{'uv'[n % 3 % 2]}\n" for n in range(40))

CASES = [
    Case(
        "data=table data.path=prices.csv data.target=kind",
        "the column 'price' can be read in two ways: is 1,250 1250 or 1.25?",
        ("'data.decimal=\".\"'", "'data.decimal=\",\"'"),
        {"prices.csv": PRICES},
    ),
    Case(
        "data=table data.path=mixed.csv data.target=kind",
        "the numbers of the column 'price' are not written alike: 1.5 in row 1 below the header, 2,5 in row",
        ("'data.drop=[price]'", "'data.categorical=[price]'"),
        {"mixed.csv": MIXED},
    ),
    Case(
        "data=table data.path=prices.csv data.target=kind 'data.decimal=\",\"' 'data.thousands=\",\"'",
        "data.decimal and data.thousands are both ','",
        ("'data.thousands=\".\"'", "'data.decimal=\".\"'"),
        {"prices.csv": PRICES},
    ),
]
