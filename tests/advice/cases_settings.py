"""Advice about settings: what is typed, and what stands in YAML files."""

from advice.advice import Case

ROWS = "".join(f"{n},{n % 7},{'uv'[n % 2]}\n" for n in range(60))
WINE = {"a, b.csv": f"a,b,y\n{ROWS}"}
MINE = "_target_: nnexp.optim.optimizers.SGD\nlr: 0,1\n"

CASES = [
    Case(
        "-m data=digits seed=1,2 hydra/launcher=joblib hydra.launcher.n_jobs=0",
        "hydra.launcher.n_jobs=0: no process would run a job",
        ("hydra.launcher.n_jobs=-1",),
    ),
    Case("data=digits optimizer.lr=0,05", "several values make a sweep", ("optimizer.lr=0.05",)),
    Case("data=digits model.hidden=16,8", "several values make a sweep", ("'model.hidden=[16,8]'",)),
    Case("data=digits model.hidden=16", "must be a list", ("'model.hidden=[16]'",)),
    Case(
        "data=table 'data.path=a, b.csv' data.target=y",
        "several values make a sweep",
        ("'data.path=\"a, b.csv\"'",),
        WINE,
    ),
    Case(
        "data=table data.path=große.csv data.target=y data.drop=größe,y2",
        "several values make a sweep",
        ("'data.drop=[größe,y2]'", "'data.drop=\"größe,y2\"'"),
        {
            "große.csv": 'größe,y2,länge,y,"größe,y2"\n'
            + "".join(f"{n},1,{n % 7},{'uv'[n % 2]},2\n" for n in range(60))
        },
    ),
    Case(
        "data=digits 'tracking.run_name=${hydra:job.override_dirname}'",
        "holds this override itself",
        ("'hydra.job.config.override_dirname.exclude_keys=[tracking.run_name]'",),
    ),
    Case("data=digits tracking.experiment=null", "must be text", ("'tracking.experiment=\"null\"'",)),
    Case("data=digits 'tracking.run_name=[a]'", "must be text", ("'tracking.run_name=\"[a]\"'",)),
    Case(
        "--config-dir mine data=digits optimizer=mine",
        "mine/optimizer/mine.yaml, line 2",
        ("optimizer.lr=0.1",),
        {"mine/optimizer/mine.yaml": MINE},
    ),
    Case(
        "experiment=paper/hinton2012_standard data=digits optimizer=adam",
        "keys of optimizer=adam: lr, weight_decay,",
        ("'~optimizer.momentum'",),
    ),
    Case(
        "experiment=paper/simard2003_cross_entropy data=digits model=softmax",
        "keys of model=softmax: none",
        ("'~model.hidden'",),
    ),
    Case(
        "data=digits data.limit=256 model=deep optimizer=sgd schedule=constant optimizer.lr=1e4",
        "likely reason: the learning rate is too large (optimizer.lr=10000)",
        ("optimizer.lr=0.1", "trainer.on_nan=rewind"),
        exit_code=1,
    ),
]
