"""Advice about columns of dates and categories."""

from advice.advice import Case

ROWS = 40
DATES = "day,size,kind\n" + "".join(
    f"0{1 + n % 9}/0{1 + n % 7}/2024,{n},{'xy'[n % 2]}\n" for n in range(ROWS)
)
SHORT = "day,size,kind\n" + "".join(
    f"{10 + n % 18}.{1 + n // 18}.24,{n},{'xy'[n % 2]}\n" for n in range(ROWS)
)
ONE_WRONG = "day,size,kind\n" + "".join(f"{1984 + n}-05-17,{n},{'xy'[n % 2]}\n" for n in range(ROWS))
CITIES = "city,size,kind,split\n" + "".join(
    f"{'Bonn' if n % 5 else 'Ulm'},{n},{'xy'[n % 2]},{'train' if n % 5 else 'test'}\n" for n in range(ROWS)
)
TRAIN = "data=table data.target=kind data.path"
LEAVE_OUT = ("'data.drop=[day]'", "'data.categorical=[day]'")

CASES = [
    Case(
        f"{TRAIN}=dates.csv",
        "the column 'day' holds dates that can be read in two ways: '01/01/2024', '02/02/2024'",
        ("data.dates=day_first", "data.dates=month_first"),
        {"dates.csv": DATES},
    ),
    Case(
        f"{TRAIN}=short.csv",
        "the column 'day' holds dates whose years have two digits: '10.1.24', '11.1.24'",
        LEAVE_OUT,
        {"short.csv": SHORT},
    ),
    Case(
        f"{TRAIN}=wrong.csv",
        "expected a date or time in the column 'day', got 'soon' in row 3 below the header",
        LEAVE_OUT,
        {"wrong.csv": ONE_WRONG.replace("1986-05-17", "soon")},
    ),
    Case(
        f"{TRAIN}=cities.csv data.split=split data.unseen=error",
        "the column 'city' holds 'Ulm' in row 1 below the header, row 6 below the header, row 11 below",
        ("data.unseen=other",),
        {"cities.csv": CITIES},
    ),
]
