"""Advice about ids, tests and validation."""

from advice.advice import Case

DIGITS = "data=digits data.validation=0"
TABLE = "data=table data.path=pets.csv data.target=kind"
PETS = "size,kind,split\n" + "".join(f"{n},{'ab'[n % 2]},{('train', 'val')[n % 3 == 0]}\n" for n in range(40))

CASES = [
    Case(
        f"{DIGITS} trainer.patience=3",
        "trainer.patience=3\n    needs validation examples, and data.validation=0 holds out none",
        ("trainer.patience=null", "data.validation=0.2"),
    ),
    Case(
        f"{DIGITS} schedule=plateau",
        "schedule=plateau\n    needs validation examples",
        ("schedule=constant", "data.validation=0.2"),
    ),
    Case(
        f"{DIGITS} optimized_metric=best/val_loss",
        "optimized_metric=best/val_loss\n    needs validation examples",
        ("optimized_metric=null", "data.validation=0.2"),
    ),
    Case(
        f"{DIGITS} data.folds=3",
        "data.validation=0 with data.folds=3, one of which validates",
        ("data.folds=null", "data.validation=0.2"),
    ),
    Case(
        f"{TABLE} data.test=0 data.drop=[split] optimized_metric=test/accuracy",
        "pets has no test examples",
        ("optimized_metric=null",),
        {"pets.csv": PETS},
    ),
    Case(
        f"{TABLE} data.drop=[split] data.test=null",
        "data.test=null needs a column of test rows, data.split",
        ("data.test=0.2", "data.test=0"),
        {"pets.csv": PETS},
    ),
    Case(
        f"{TABLE} data.split=split data.test=null",
        "the column 'split' names no test rows",
        ("data.test=0.2", "data.test=0"),
        {"pets.csv": PETS},
    ),
]
SALES = {
    "sales.csv": "size,kind,price\n" + "".join(f"{n % 9},{'ab'[n % 2]},{n * 1.5:.1f}\n" for n in range(40))
}
SALES_TABLE = "data=table data.path=sales.csv"
LOG = f"{SALES_TABLE} data.target_transform=log loss=mean_squared_error"

CASES += [
    Case(
        f"{LOG} data.target=price",
        "the target 'price' is 0 in row 1 below the header, and data.target_transform=log needs numbers",
        ("data.target_transform=log1p",),
        SALES,
    ),
    Case(
        "data=table data.path=sales.csv data.target_transform=log data.target=kind",
        "the target 'kind' holds text, and data.target_transform=log needs numbers",
        ("data.target_transform=null",),
        SALES,
    ),
    Case(
        f"{SALES_TABLE} data.target_transform=log1p data.target=size data.task=classification",
        "data.target_transform=log1p needs a regression, not data.task=classification",
        ("data.target_transform=null", "data.task=regression loss=mean_squared_error"),
        SALES,
    ),
]
FILES = {
    "train.csv": "size,age,kind\n" + "".join(f"{n},{n % 5},{'ab'[n % 2]}\n" for n in range(40)),
    "test.csv": "size,kind\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(9)),
    "new.csv": "size,age\n1,2\n",
    "others.csv": "size,age,kind\n1,2,c\n1,2,a\n",
}
TRAIN = "data=table data.path=train.csv data.target=kind"

CASES += [
    Case(
        f"{TRAIN} data.test_path=test.csv",
        "test.csv: no column age, which the training rows have",
        ("'data.drop=[age]'",),
        FILES,
    ),
    Case(
        f"{TRAIN} data.test_path=new.csv",
        "new.csv: no column kind to compare predictions with",
        ("data.test_path=null",),
        FILES,
    ),
    Case(
        f"{TRAIN} data.test_path=others.csv",
        "others.csv: the target 'kind' holds 'c' in 1 row, a class of no training row",
        ("data.test_path=null",),
        FILES,
    ),
    Case(
        f"{TRAIN} data.test_path=others.csv data.test=0.3",
        "data.test=0.3 draws test rows, and data.test_path holds others",
        ("data.test=null", "data.test_path=null"),
        FILES | {"others.csv": "size,age,kind\n1,2,b\n1,2,a\n"},
    ),
    Case(
        f"{TRAIN} data.test_path=./train.csv",
        "data.test_path is data.path: the test rows would be those of training",
        ("data.test_path=null",),
        FILES,
    ),
]
