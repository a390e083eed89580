"""Advice about the task that the target suggests, and about all problems of a table at once."""

from advice.advice import Case


def table(target, rows=78, mark=","):
    lines = [f"a{mark}b{mark}y", *(f"{n % 7}{mark}{n % 5 / 2}{mark}{target(n)}" for n in range(rows))]
    return "\n".join(lines) + "\n"


MANY_WHOLE = table(lambda n: n % 26 + 1)
FEW_WHOLE = table(lambda n: n % 7 + 3)
FEW_HALVES = table(lambda n: n % 5 / 2)
DECIMALS = table(lambda n: n / 7)
TEXT = table(lambda n: "ab"[n % 2])
BOOLEAN = table(lambda n: bool(n % 3))
LABELS = table(lambda n: f"{n % 2}").replace("b", "z").replace("a,z", "a,b")
LABELS_ONLY = "a,b,y\n" + "".join(f"{n % 3 // 2},{n / 3},{n % 2}\n" for n in range(60))
UNTIDY = "id,name,b,y\n" + "".join(f"x{n},n{n},{n},{n % 2}\n" for n in range(80))

CASES = [
    Case(
        "data=table data.path=t.csv data.target=y",
        "t is a regression: y holds 26 distinct whole numbers",
        ("loss=mean_squared_error", "data.task=classification"),
        {"t.csv": MANY_WHOLE},
    ),
    Case(
        "data=table data.path=t.csv data.target=y loss=focal",
        "t is a regression: y holds 26 distinct whole numbers",
        ("loss=mean_squared_error", "data.task=classification"),
        {"t.csv": MANY_WHOLE},
    ),
    Case(
        "data=table data.path=t.csv data.target=y loss=huber",
        "t is a classification: y holds 7 distinct whole numbers",
        ("loss=softmax_cross_entropy", "data.task=regression"),
        {"t.csv": FEW_WHOLE},
    ),
    Case(
        "data=table data.path=t.csv data.target=y",
        "t is a regression: y holds 5 distinct numbers",
        ("loss=mean_squared_error", "data.task=classification"),
        {"t.csv": FEW_HALVES},
    ),
    Case(
        "data=table data.path=t.csv data.target=y",
        "t is a regression: y holds 78 distinct numbers",
        ("loss=mean_squared_error",),
        {"t.csv": DECIMALS},
    ),
    Case(
        "data=table data.path=t.csv data.target=y loss=mean_absolute_error",
        "t is a classification",
        ("loss=softmax_cross_entropy",),
        {"t.csv": TEXT},
    ),
    Case(
        "data=table data.path=t.csv data.target=y data.task=regression loss=huber",
        "the target 'y' holds text, and data.task=regression needs numbers",
        ("data.task=classification loss=softmax_cross_entropy",),
        {"t.csv": BOOLEAN},
    ),
    Case(
        "data=table data.path=t.csv data.target=y data.task=classification",
        "too many classes: 'y' has 78 distinct values in 78 rows",
        ("data.task=regression loss=mean_squared_error",),
        {"t.csv": DECIMALS},
    ),
    Case(
        "data=table data.path=t.csv 'data.target=[y,b]' data.task=multilabel loss=binary_cross_entropy",
        "the label 'b' holds numbers other than 0 and 1",
        ("data.task=regression loss=mean_squared_error",),
        {"t.csv": LABELS},
    ),
    Case(
        "data=table data.path=t.csv data.target=y 'data.drop=[y,b]'",
        "the column y can be only one of data.target, data.split, data.group, data.drop",
        ("'data.drop=[b]'",),
        {"t.csv": TEXT},
    ),
    Case(
        "data=table data.path=t.csv data.target=y data.split=b",
        "expected one of train, training",
        ("data.split=null",),
        {"t.csv": TEXT},
    ),
    Case(
        "data=table data.path=t.csw data.target=y",
        "no such file; did you mean t.csv?",
        ("data.path=t.csv",),
        {"t.csv": TEXT},
    ),
    Case(
        "data=table data.path=tables data.target=y",
        "this is a folder",
        ("data.path=tables/t.csv", "'data.path=\"tables/u (1).csv\"'"),
        {"tables/t.csv": TEXT, "tables/u (1).csv": TEXT, "tables/README": ""},
    ),
    Case(
        "data=table data.path=t.csv 'data.target=[y,a]' data.task=classification",
        "a classification has one target",
        ("data.task=multilabel loss=binary_cross_entropy", "data.task=regression loss=mean_squared_error"),
        {"t.csv": LABELS_ONLY},
    ),
    Case(
        "data=table data.path=t.csv data.target=Y data.group=A",
        "data.target=Y: no such column; did you mean y?",
        ("data.target=y data.group=a",),
        {"t.csv": TEXT},
    ),
    Case(
        "data=table data.path=t.csv data.target=y 'data.drop=[b]'",
        "2 problems:",
        ("'data.drop=[b,id,name]'", "'data.categorical=[id,name]'"),
        {"t.csv": UNTIDY.replace("b,y", "b,c,y").replace(",0\n", ",1,0\n").replace(",1\n", ",2,1\n")},
    ),
]
