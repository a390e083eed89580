"""Predictions name the rows of the file that they are of: joined back by pandas, the true values agree."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from nnexp import compose, run
from nnexp.config import build
from nnexp.data.tables.table import Table
from nnexp.experiment.components import build_components
from nnexp.experiment.evaluation import evaluate_split
from nnexp.serving.predictor import Predictor
from nnexp.tracking.prediction_tables import write_tables

RNG = np.random.default_rng(0)
N = 90
IDS = [f"{n:03}" for n in range(N - 6)] + ["NA", "null", "1.10", str(2**53 + 1), "", "007"]
FRAME = pd.DataFrame(
    {
        "customer": IDS,
        "size": RNG.normal(size=N).round(4),
        "colour": ["red", "green", None] * (N // 3),
        "kind": [None if n % 11 == 3 else "ab"[n % 2] for n in range(N)],
        "price": [np.nan if n % 7 == 5 else round(1.5**n % 97, 4) for n in range(N)],
        "tame": RNG.integers(0, 2, N),
        "loud": RNG.integers(0, 2, N),
        "where": [("train", "val", "test")[n * 7 % 3] for n in range(N)],
        "owner": [f"o{n * 5 % 13}" for n in range(N)],
    }
)
TASKS = {
    "kind": ("data.target=kind",),
    "price": ("data.target=price", "loss=mean_squared_error"),
    "tame": ("data.target=[tame,loud]", "loss=binary_cross_entropy"),
}
SPLITS = [
    (),
    ("data.split=where",),
    ("data.split=where", "data.test=null"),
    ("data.group=owner",),
    ("data.folds=3", "data.fold=1"),
    ("data.group=owner", "data.folds=3"),
    ("data.limit=20",),
    ("data.stratify=false", "seed=3", "data.test=0.4"),
]
DROPPED = {"kind", "price", "tame", "loud", "where", "owner"}
QUICK = (
    "model.hidden=[4]",
    "trainer.epochs=1",
    "tracking=none",
    "schedule=constant",
    "diagnostics.layers=false",
)


def write(frame, path):
    text = frame.to_csv(index=False)
    if path.name.endswith(".csv"):
        path.write_text(text)
    elif path.name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        arrays = {
            name: frame[name].fillna("").to_numpy(str)
            for name in frame
            if not pd.api.types.is_numeric_dtype(frame[name])
        }
        arrays |= {name: frame[name].to_numpy() for name in frame if name not in arrays}
        np.savez(path, **arrays)
    return path


def configuration(path, *overrides):
    given = " ".join(overrides)
    drop = [name for name in sorted(DROPPED) if name not in given]
    table = ("data=table", f"data.path={path}", f"data.drop=[{','.join(drop)}]", "data.id=customer")
    return compose([*table, *overrides, *QUICK])


def evaluated(path, *overrides):
    made = build_components(build(configuration(path, *overrides)))
    return {"val": evaluate_split(made, made.validation), "test": evaluate_split(made, made.test)}


@pytest.mark.parametrize("overrides", SPLITS, ids=" ".join)
@pytest.mark.parametrize("target", TASKS)
def test_predictions_join_the_rows_of_the_file(alone, target, overrides):
    seen = []
    for split, result in evaluated(write(FRAME, alone / "pets.csv"), *TASKS[target], *overrides).items():
        predictions = result.predictions
        rows = FRAME.iloc[predictions.index]
        columns = {"kind": [rows["kind"].map({"a": 0, "b": 1})], "tame": [rows["tame"], rows["loud"]]}
        expected = np.column_stack(columns.get(target, [rows[target]]))
        assert np.allclose(predictions.true.reshape(expected.shape), expected)
        assert predictions.ids.tolist() == [key or None for key in rows["customer"]]
        seen += predictions.index.tolist()
        if "data.split=where" in overrides:
            assert (rows["where"] == split).all()
    assert len(set(seen)) == len(seen) > 10


@pytest.mark.parametrize("name", ["pets.csv.gz", "pets.parquet", "pets.npz", "pets.tsv.gz"])
def test_every_format_counts_its_rows_from_0(alone, name):
    frame = FRAME.drop(columns=["colour"]) if name.endswith("npz") else FRAME
    path = write(frame, alone / name)
    if "tsv" in name:
        path.write_bytes(gzip.compress(FRAME.to_csv(index=False, sep="\t").encode()))
    for result in evaluated(path, *TASKS["price"]).values():
        rows = FRAME.iloc[result.predictions.index]
        assert np.allclose(result.predictions.true[:, 0], rows["price"])
        assert result.predictions.ids.tolist() == [key or None for key in rows["customer"]]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(["a", "b", ""]), min_size=12, max_size=40),
    test=st.sampled_from([0.2, 0.5, 0.8]),
    group=st.booleans(),
)
def test_any_rows_keep_their_number_and_id(alone, kinds, test, group):
    kinds = ["a", "a", "a", "b", "b", "b", *kinds]
    frame = pd.DataFrame({"x": np.arange(len(kinds)) * 0.5, "kind": kinds})
    frame["key"] = [f"{n:02}" for n in range(len(kinds))]
    frame["group"] = [str(n % 5) for n in range(len(kinds))]
    frame.to_csv("any.csv", index=False)
    drop = None if group else ["group"]
    table = Table(
        path="any.csv", target="kind", id="key", test=test, group="group" if group else None, drop=drop
    )
    dataset = table.load()
    for x, y, source in (
        (dataset.x, dataset.y, dataset.source),
        (dataset.x_test, dataset.y_test, dataset.source_test),
    ):
        assert source is not None
        rows = frame.iloc[source.index]
        assert x[:, 0].tolist() == rows["x"].tolist()
        assert [dataset.classes[k] for k in y] == rows["kind"].tolist()
        assert source.ids is not None
        assert source.ids.tolist() == rows["key"].tolist()
    assert len(dataset.y) + len(dataset.y_test) == sum(kind != "" for kind in kinds)


def test_digits_are_counted_as_scikit_learn_does():
    result = run(compose(["data=digits", *QUICK]))
    official = load_digits().target
    for split in result.splits.values():
        assert (official[split.predictions.index] == split.predictions.true).all()
    arrays = np.load(result.folder / "misclassified.npz")
    assert (load_digits().images[arrays["index"]] == arrays["images"]).all()


def test_ids_of_several_rows_and_missing_ones_are_noted(alone):
    dataset = Table(path=str(write(FRAME, alone / "pets.csv")), target="kind", id="customer").load()
    assert "1 value of customer in more than one row" in dataset.notes
    assert "1 row without customer" in dataset.notes
    assert not [name for name in dataset.features if name.startswith("customer")]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pd.array([2**53 + 1, None, 7], "Int64"), ["9007199254740993", None, "7"]),
        ([2**63 - 1, -5, 7], ["9223372036854775807", "-5", "7"]),
        ([1234567890123.0, np.nan, 7.0], ["1234567890123", None, "7"]),
        (["007", "1e3", "1.0"], ["007", "1e3", "1.0"]),
        (["NA", "?", "nan"], ["NA", "?", "nan"]),
    ],
)
@pytest.mark.parametrize("name", ["ids.parquet", "ids.csv"])
def test_ids_are_exact_text(alone, values, texts, name):
    if name == "ids.csv":
        values = ["" if text is None else text for text in texts]
    frame = pd.DataFrame({"key": list(values) * 8, "x": np.arange(24.0), "y": ["a", "b", "a", "b"] * 6})
    frame["key"] = pd.concat([pd.Series(values)] * 8, ignore_index=True)
    write(frame, alone / name)
    dataset = Table(path=name, target="y", id="key").load()
    assert dataset.source is not None
    assert dataset.source.ids is not None
    assert dataset.source.ids.tolist() == [texts[n % 3] for n in dataset.source.index]


def test_ids_reach_the_tables_of_predict_and_of_the_served_model(alone):
    from nnexp.serving.prediction_table import predict_files, write_table
    from nnexp.serving.pyfunc import PyfuncModel

    result = run(configuration(write(FRAME, alone / "pets.csv"), *TASKS["kind"]))
    write_tables(result.folder)
    for split in ("val", "test"):
        predictions = pd.read_parquet(result.folder / "predictions" / f"{split}.parquet")
        rows = FRAME.iloc[predictions["index"]].reset_index(drop=True)
        assert (predictions["true"] == rows["kind"]).all()
        assert (predictions["id"].fillna("") == rows["customer"]).all()
    table = json.loads((result.folder / "predictions" / "misclassified.json").read_text())
    assert table["columns"] == ["index", "id", "true", "predicted", "confidence"]
    for index, key, *_ in table["data"]:
        assert (key or "") == IDS[index]
    predictor = Predictor.load(result.folder / "network.json", result.folder / "weights" / "best.npz")
    new = FRAME.drop(columns="kind")
    new.to_csv("new.csv", index=False)
    new.drop(columns="customer").to_csv("anonymous.csv", index=False)
    predictions = predict_files(predictor, [Path("new.csv"), Path("anonymous.csv")])
    assert [row["id"] or "" for row in predictions[0].to_json()["predictions"]] == IDS
    for name in ("out.csv", "out.parquet", "out.npz"):
        write_table(predictions, Path(name))
    assert pd.read_csv("out.csv", dtype=str, keep_default_na=False)["id"].tolist() == IDS + [""] * N
    assert pd.read_parquet("out.parquet")["id"].fillna("").tolist() == IDS + [""] * N
    assert np.load("out.npz")["id"].tolist() == IDS + [""] * N
    model = PyfuncModel(predictor)
    assert model.predict(new)["id"].fillna("").tolist() == IDS
    assert "id" not in model.predict(new.drop(columns="customer"))


def test_targets_called_as_columns_of_the_table_are_not_lost(alone):
    from nnexp.serving.prediction_table import predict_files, write_table

    frame = pd.DataFrame(
        {"x": np.arange(60.0), "row": np.arange(60) * 0.5 + 0.1, "file": np.arange(60) * 0.25}
    )
    frame.to_csv("odd.csv", index=False)
    table = ["data=table", "data.path=odd.csv", "data.target=[row,file]", "loss=mean_squared_error", *QUICK]
    result = run(compose(table))
    predictor = Predictor.load(result.folder / "network.json", result.folder / "weights" / "best.npz")
    write_table(predict_files(predictor, [Path("odd.csv")]), Path("out.csv"))
    out = pd.read_csv("out.csv")
    assert out["row"].tolist() == list(range(1, 61))
    assert {"predicted_row", "predicted_file", "true_row", "true_file"} <= set(out)


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_the_column_of_a_saved_index_may_be_the_id(alone, name):
    frame = FRAME.set_index(pd.Index([f"p{n}" for n in range(N)]))[["size", "kind"]]
    frame.to_csv("saved.csv")
    dataset = Table(path="saved.csv", target="kind", id=name).load()
    assert dataset.features == ("size",)
    assert dataset.source.ids.tolist() == [f"p{n}" for n in dataset.source.index]


DIALECTS = {
    "lines within quotes": (lambda text: text, {}),
    "empty lines": (lambda text: text.replace("\n008", "\n\n\n008") + "\n\n", {}),
    "rows of commas": (lambda text: text.replace("\n008", "\n,,,\n008") + ",,,\n", {}),
    "carriage returns": (lambda text: text.replace("\n", "\r\n"), {}),
    "sep line": (lambda text: "sep=;\n" + text.replace(",", ";"), {"sep": ";", "skiprows": 1}),
    "comments": (lambda text: "# a\n# b\n" + text, {"skiprows": 2}),
    "utf-16": (lambda text: text.encode("utf-16"), {"encoding": "utf-16"}),
    "spaces": (lambda text: text.replace("\n0", "\n 0"), {}),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_rows_are_counted_as_pandas_counts_them(alone, dialect):
    rows = [f'{n:03},"note\nof {n}",{n / 7:.3f},{"ab"[n % 2]}' for n in range(40)]
    change, reading = DIALECTS[dialect]
    content = change("\n".join(["key,note,x,kind", *rows]) + "\n")
    Path("dialect.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    dataset = Table(path="dialect.csv", target="kind", id="key", drop=["note"]).load()
    frame = pd.read_csv("dialect.csv", dtype=str, keep_default_na=False, **reading)
    for source, y in ((dataset.source, dataset.y), (dataset.source_test, dataset.y_test)):
        rows = frame.iloc[source.index]
        assert [dataset.classes[k] for k in y] == rows["kind"].tolist()
        assert source.ids.tolist() == rows["key"].tolist()
