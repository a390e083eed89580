"""Advice about numbers that float32 cannot hold."""

from advice.advice import Case

WIDE = "a,size,b,kind\n" + "".join(
    f"{10**12 if n % 4 == 3 else n % 4},{n},{n},{'xy'[n % 2]}\n" for n in range(40)
)

CASES = [
    Case(
        "data=table data.path=wide.csv data.target=kind data.drop=[b]",
        "different numbers become one in float32: a (0 and 1)",
        ("'data.drop=[b,a]'",),
        {"wide.csv": WIDE},
        exit_code=0,
    )
]
