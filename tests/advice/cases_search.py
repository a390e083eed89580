"""Advice about searches."""

from advice.advice import Case

SEARCH = "-m hydra/sweeper=optuna search.trials=1 sweep.report=false"

CASES = [
    Case(
        f"{SEARCH} data=digits trainer.epochs=1",
        "a search needs a search space",
        ("'optimizer.lr=tag(log, interval(1e-4, 1e-1))'",),
    ),
    Case(
        f"{SEARCH} data=digits trainer.epochs=1 init=he_normal,orthogonal search.pruner=asha",
        "search.pruner=asha: prunes between epochs, and a trial has one",
        ("search.pruner=null",),
    ),
    Case(
        f"{SEARCH} data=digits trainer.epochs=2 init=he_normal,orthogonal search.pruner=asha "
        "optimized_metric=time/total",
        "optimized_metric=time/total has no value in each epoch",
        ("search.pruner=null",),
    ),
    Case(
        f"{SEARCH} data=digits trainer.epochs=1 'optimizer.lr=interval(0.001,0.01)' search.sampler=grid",
        "search.sampler=grid: optimizer.lr is an interval",
        ("search.sampler=qmc",),
    ),
    Case(
        f"{SEARCH} data=digits trainer.epochs=1 optimizer=sgd,momentum search.sampler=cmaes "
        """'optimizer.momentum=tag("optimizer=momentum", interval(0.5, 0.9))'""",
        "search.sampler=cmaes: optimizer.momentum exists in some trials only",
        ("search.sampler=tpe",),
    ),
    Case(
        f"{SEARCH} data=digits trainer.epochs=1 'trainer.batch_size=interval(16, 64)'",
        "trainer.batch_size=interval(16, 64)\n    must be a whole number",
        ("'trainer.batch_size=int(interval(16, 64))'",),
    ),
    Case(
        f"{SEARCH} data=digits trainer.epochs=2 init=he_normal,orthogonal search.pruner=asha "
        "optimized_metric=[best/val_accuracy,parameters]",
        "search.pruner=asha: prunes by one objective, and optimized_metric names 2",
        ("search.pruner=null", "optimized_metric=best/val_accuracy"),
    ),
    Case(
        f"{SEARCH} data=digits trainer.epochs=1 init=he_normal,orthogonal search.sampler=cmaes "
        "optimized_metric=[best/val_accuracy,parameters]",
        "search.sampler=cmaes: optimizes one objective, and optimized_metric names 2",
        ("search.sampler=tpe",),
    ),
    Case(
        f"{SEARCH} data=digits trainer.epochs=1 init=he_normal,orthogonal "
        "search.direction=[maximize,minimize]",
        "search.direction: expected one for each of 1, got 2",
        ("search.direction=null",),
    ),
    Case(
        "data=digits trainer.epochs=1 'optimized_metric=[]'",
        "expected a metric, or several",
        ("optimized_metric=null",),
    ),
    Case(
        "data=digits trainer.epochs=1 optimized_metric=[parameters,parameters]",
        "parameters is there 2 times",
        ("'optimized_metric=[parameters]'",),
    ),
    Case(
        f"{SEARCH} data=digits trainer.epochs=1 seed=1,2 search.seeds=2",
        "search.seeds=2: each trial has its own seeds",
        ("search.seeds=1",),
    ),
]
