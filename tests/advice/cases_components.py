"""Advice about components of an experiment that do not go together."""

from advice.advice import Case

PETS = "size,owner,kind\n" + "".join(f"{n % 9},{'abc'[n % 3]},{'xy'[n % 2]}\n" for n in range(60))
UNIQUE = "size,kind\n" + "".join(f"{n},k{n}\n" for n in range(12))
SPLIT = "size,owner,split,kind\n" + "".join(
    f"{n % 9},{'abc'[n % 3]},{('train', 'train', 'validation', 'test')[n % 4]},{'xy'[n % 5 % 2]}\n"
    for n in range(60)
)
LABELS = "size,tame,fast\n" + "".join(f"{n % 9},{n % 2},{n % 3 // 2}\n" for n in range(60))
TABLE = "data=table data.path=pets.csv data.target=kind"
REGRESSION = "data=table data.path=pets.csv data.target=size data.task=regression loss=mean_squared_error"
FILES = {"pets.csv": PETS}
SPLIT_FILES = {"pets.csv": SPLIT}
ONE_GROUP = {"pets.csv": PETS.replace(",b,", ",a,").replace(",c,", ",a,")}

ONE_CLASS = SPLIT.replace("test,y", "test,x")

CASES = [
    Case(f"{TABLE} augment=shift", "needs images, got examples of shape (4,)", ("augment=none",), FILES),
    Case(f"{TABLE} model=cnn", "the model takes images and the data are vectors of 4", ("model=mlp",), FILES),
    Case(f"{TABLE} data.fold=6", "data.fold=6: missing the number of folds", ("data.folds=7",), FILES),
    Case(f"{TABLE} data.folds=3 data.fold=3", "has the folds 0 to 2", ("data.fold=2",), FILES),
    Case(f"{TABLE} data.folds=50", "data.folds=50: there are only 48 examples", ("data.folds=48",), FILES),
    Case(f"{TABLE} data.folds=5 data.group=owner", "there are only 2 groups", ("data.folds=2",), FILES),
    Case(f"{TABLE} data.group=owner", "one group cannot be split", ("data.group=null",), ONE_GROUP),
    Case(
        f"{TABLE} data.split=split data.group=owner",
        "the group 'a' is in training and in validation",
        ("data.group=null",),
        SPLIT_FILES,
    ),
    Case(
        f"{TABLE} data.split=split data.folds=3",
        "data.folds=3: a column of pets assigns the validation rows",
        ("data.folds=null", "data.split=null"),
        SPLIT_FILES,
    ),
    Case(
        "data=table data.path=pets.csv data.target=kind data.test=0.3",
        "0.3 of 12 examples in 12 classes cannot be split off",
        ("data.stratify=false",),
        {"pets.csv": UNIQUE},
    ),
    Case(f"{REGRESSION} data.balanced=true", "needs classes", ("data.balanced=false",), FILES),
    Case(
        f"{REGRESSION} optimized_metric=best/val_accuracy",
        "a regression has no such metric",
        ("optimized_metric=best/val_r2",),
        FILES,
    ),
    Case(
        "data=digits optimized_metric=test/auc",
        "a classification of 10 classes has no such metric",
        ("optimized_metric=best/val_accuracy",),
    ),
    Case(
        "data=digits trainer.monitor=mae", "a classification of 10 classes has no", ("trainer.monitor=score",)
    ),
    Case(
        f"{REGRESSION} trainer.monitor=auc",
        "a regression has no such metric",
        ("trainer.monitor=score",),
        FILES,
    ),
    Case(
        f"{TABLE} data.split=split optimized_metric=test/auc",
        "not defined where all test examples are of one class",
        ("optimized_metric=best/val_accuracy",),
        {"pets.csv": ONE_CLASS},
    ),
    Case(
        "data=table data.path=pets.csv data.target=[tame,fast] data.task=classification",
        "a classification has one target",
        ("data.task=multilabel loss=binary_cross_entropy", "data.task=regression loss=mean_squared_error"),
        {"pets.csv": LABELS},
    ),
    Case(f"look {TABLE}", "pets is a table, not images", ("nnexp look data=digits",), FILES),
]
