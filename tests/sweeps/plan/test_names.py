"""The runs of a sweep are named by what is swept, in as few words as are unambiguous."""

from itertools import product

import pytest

from nnexp.sweeps.plan.names import job_names, short_keys

GROUPS = ["augment", "init", "optimizer", "schedule"]


def names_of(**values):
    keys = [key.replace("__", ".") for key in values]
    return job_names([dict(zip(keys, row, strict=True)) for row in product(*values.values())], GROUPS)


@pytest.mark.parametrize(
    ("values", "last"),
    [
        ({"optimizer": ["sgd", "adam"], "optimizer__lr": ["0.1", "0.01"], "seed": "0123"}, "adam lr=0.01 s3"),
        ({"seed": "01", "init": ["he_normal", "zeros"]}, "zeros s1"),
        ({"data__fold": "012", "loss": ["huber"]}, "loss=huber fold2"),
        ({"model__hidden": ["[8]", "[64,64]"]}, "hidden=[64,64]"),
        ({"optimizer__lr": ["1"], "schedule__lr": ["2"]}, "optimizer.lr=1 schedule.lr=2"),
        ({"schedule": ["linear", "x"], "init": ["zeros", "x"]}, "schedule=x init=x"),
        ({"augment": ["shift", "none"]}, "augment=none"),
        ({"data__path": ["/a/b.csv", "/a/c.csv"]}, "path=c.csv"),
        ({"data__path": ["/a/c.csv", "/b/c.csv"]}, "path=c.csv #1"),
        ({"seed": ["0", "null"]}, "seed=null"),
    ],
)  # fmt: skip
def test_a_name_holds_the_swept_values(values, last):
    assert names_of(**values)[-1] == last


def test_names_are_unique_and_as_short_as_mlflow_allows():
    names = job_names(
        [{f"a.k{i}": "x" * 90 for i in range(20)} | {"seed": str(seed)} for seed in range(3)], GROUPS
    )
    assert len(set(names)) == 3
    assert max(map(len, names)) <= 250


def test_the_end_of_a_key_is_unambiguous():
    assert short_keys(["a.b.c", "x.b.c", "d.e"]) == {"a.b.c": "a.b.c", "x.b.c": "x.b.c", "d.e": "e"}
