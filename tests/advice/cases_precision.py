"""Advice about numbers that float32 cannot hold."""

from advice.advice import Case

WIDE = "a,size,b,kind\n" + "".join(
    f"{10**12 if n % 4 == 3 else n % 4},{n},{n},{'xy'[n % 2]}\n" for n in range(40)
)
MONEY = "size,worth\n" + "".join(f"{n},{10**12 if n % 4 == 3 else n % 4 + 1}\n" for n in range(40))
ACCOUNTS = "size,account\n" + "".join(f"{n},{1234567890123456789 + n % 3}\n" for n in range(40))

CASES = [
    Case(
        "data=table data.path=wide.csv data.target=kind data.drop=[b]",
        "different numbers become one in float32: a (0 and 1)",
        ("'data.drop=[b,a]'",),
        {"wide.csv": WIDE},
        exit_code=0,
    ),
    Case(
        "data=table data.path=money.csv data.target=worth data.task=regression loss=mean_squared_error",
        "different numbers of the target become one in float32: worth (1 and 2)",
        ("data.target_transform=log",),
        {"money.csv": MONEY},
        exit_code=0,
    ),
    Case(
        "data=table data.path=accounts.csv data.target=account",
        "accounts.csv: whole numbers above 2**53 in the target 'account' are rounded",
        ("data.task=classification",),
        {"accounts.csv": ACCOUNTS},
    ),
]
