"""`nnexp predict` on pictures, tables and arrays."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from nnexp import compose, run
from nnexp.cli.commands.predict import main
from nnexp.config import build
from nnexp.errors import UserError

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)

EPOCHS = ["trainer.epochs=3", "tracking=none"]
FLOWERS = ["data.target=species", "model.hidden=[16]"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Trains with some overrides, once in a module; the run's folder."""
    folders = {}

    def once(*overrides):
        if overrides not in folders:
            folders[overrides] = run(compose([*EPOCHS, *overrides]), tmp_path_factory.mktemp("run")).folder
        return str(folders[overrides])

    return once


@pytest.fixture
def digits(runs):
    return runs("data=digits")


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """The iris data with a column of text and some holes."""
    from sklearn.datasets import load_iris

    bunch = load_iris(as_frame=True)
    table = bunch.frame.rename(columns=lambda name: name.replace(" (cm)", "").replace(" ", "_"))
    table["species"] = bunch.target_names[table.pop("target")]
    table["bed"] = np.array(["north", "south", None], object)[np.arange(150) % 3]
    table.loc[::10, "sepal_length"] = np.nan
    path = tmp_path_factory.mktemp("flowers") / "flowers.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture
def iris(runs, flowers):
    return runs("data=table", f"data.path={flowers}", *FLOWERS)


def predict(capsys, *arguments):
    """What is printed, once all is well."""
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 0
    seen = capsys.readouterr()
    assert seen.err == ""
    return seen.out


def images(folder, count=6):
    """Some test images of the digits, as pictures, and their classes."""
    data = build(compose(["data=digits"])).data.load()
    paths = []
    for n in range(count):
        paths.append(folder / f"digit{n}.png")
        Image.fromarray((data.x_test[n].reshape(8, 8) * 15.9375).round().astype(np.uint8)).save(paths[-1])
    return paths, data.x_test[:count], data.y_test[:count]


def test_pictures_are_a_line_each_with_the_class_its_confidence_and_the_next_two(digits, alone, capsys):
    paths, _, _ = images(alone)
    lines = predict(capsys, digits, "--as-is", *paths).splitlines()
    assert len(lines) == len(paths)
    for line, path in zip(lines, paths, strict=True):
        assert line.startswith(f"{path}  ")
        assert line.count("%") == 3
        assert "then" in line
        assert line.endswith("(brought to size)")


def test_pictures_of_test_images_get_the_networks_own_answer(digits, alone, capsys):
    paths, x, _ = images(alone, 30)
    np.save("x.npy", x)
    pictures = json.loads(predict(capsys, digits, "--as-is", "--json", *paths))["files"]
    (array,) = json.loads(predict(capsys, digits, "--json", "x.npy"))["files"]
    for picture, row in zip(pictures, array["predictions"], strict=True):
        (said,) = picture["predictions"]
        assert said["prediction"] == row["prediction"]
        assert said["confidence"] == pytest.approx(row["confidence"], rel=1e-4)


def test_a_light_background_is_said(digits, alone, capsys):
    (path,), _, _ = images(alone, 1)
    dark = np.asarray(Image.open(path).resize((200, 200), Image.Resampling.BICUBIC))
    Image.fromarray(np.pad(255 - dark, 40, constant_values=255)).save("paper.jpg")
    assert "(light background: inverted, centred)" in predict(capsys, digits, "paper.jpg")


def test_a_table_shows_its_first_rows_and_how_many_are_right(iris, flowers, capsys):
    lines = predict(capsys, iris, flowers).splitlines()
    assert lines[0] == f"{flowers}: 150 rows"
    assert lines[1].split() == ["row", "prediction", "confidence", "truth"]
    assert len(lines) == 2 + 20 + 2
    assert lines[-2] == "... 130 more rows; --out FILE.csv keeps them all"
    shown = float(lines[-1].split()[1].rstrip("%"))
    assert lines[-1].endswith("of 150 rows whose truth the file tells")
    told = json.loads(predict(capsys, iris, flowers, "--json"))
    right = [
        said["prediction"] == true
        for said, true in zip(told["files"][0]["predictions"], pd.read_csv(flowers)["species"], strict=True)
    ]
    assert shown == pytest.approx(100 * np.mean(right), abs=0.01)
    assert told["files"][0]["accuracy"] == np.mean(right)


def test_the_same_table_says_the_same_in_every_format(iris, flowers, alone, capsys):
    table = pd.read_csv(flowers)
    table.to_csv("flowers.tsv", sep="\t", index=False)
    table.to_parquet("flowers.parquet")
    table.sample(frac=1, axis=1, random_state=0).assign(extra="x").to_csv("mixed.csv.gz", index=False)
    np.savez(
        "flowers.npz",
        **{
            name: table[name].fillna("").to_numpy(str) if name in ("bed", "species") else table[name]
            for name in table
        },
    )
    found = [
        json.loads(predict(capsys, iris, name, "--json"))["files"][0]
        for name in (flowers, *(path.name for path in alone.glob("*.*")))
    ]
    assert len(found) == 5
    for other in found[1:]:
        assert other["predictions"] == found[0]["predictions"]
        assert other["accuracy"] == found[0]["accuracy"]


def test_without_the_target_nothing_is_said_of_accuracy(iris, flowers, capsys):
    pd.read_csv(flowers).drop(columns="species").head(3).to_csv("new.csv", index=False)
    output = predict(capsys, iris, "new.csv")
    assert "truth" not in output
    assert "accuracy" not in output
    assert len(output.splitlines()) == 5


def test_rows_whose_truth_is_missing_or_unknown_do_not_count(iris, flowers, capsys):
    table = pd.read_csv(flowers).head(4)
    table["species"] = ["setosa", None, "rose", "setosa"]
    table.to_csv("some.csv", index=False)
    output = predict(capsys, iris, "some.csv")
    assert "of 2 rows whose truth the file tells" in output
    assert output.splitlines()[3].endswith("?")


@pytest.mark.parametrize("ending", ["csv", "parquet", "npz"])
def test_all_rows_can_be_kept(iris, flowers, ending, capsys):
    out = f"said.{ending}"
    assert "300 predictions" in predict(capsys, iris, flowers, flowers, "--out", out)
    if ending == "npz":
        with np.load(out, allow_pickle=False) as saved:
            table = pd.DataFrame({name: saved[name] for name in saved.files})
    else:
        table = pd.read_csv(out) if ending == "csv" else pd.read_parquet(out)
    assert list(table) == [
        "file",
        "row",
        "prediction",
        "confidence",
        "p_setosa",
        "p_versicolor",
        "p_virginica",
        "true",
    ]
    assert table["row"].tolist() == [*range(1, 151)] * 2
    assert table["true"].tolist() == pd.read_csv(flowers)["species"].tolist() * 2
    assert np.allclose(table.filter(like="p_").sum(axis=1), 1)


def test_a_regression_tells_numbers_and_r2(runs, flowers, capsys):
    folder = runs("data=table", f"data.path={flowers}", "data.target=petal_width", "loss=mean_squared_error")
    lines = predict(capsys, folder, flowers, "--out", "said.csv").splitlines()
    assert lines[1].split("  ")[-1].strip() == "true petal_width"
    assert next(line for line in lines if line.startswith("R2 ")).endswith(
        "of 150 rows whose truth the file tells"
    )
    assert list(pd.read_csv("said.csv")) == ["file", "row", "petal_width", "true_petal_width"]


def test_labels_are_told_by_name(runs, flowers, alone, capsys):
    table = pd.read_csv(flowers)
    table["wide"], table["long"] = (
        (table["petal_width"] > 1).astype(int),
        (table["petal_length"] > 4).astype(int),
    )
    table.to_csv("labels.csv", index=False)
    folder = runs(
        "data=table",
        f"data.path={alone / 'labels.csv'}",
        "data.target=[wide,long]",
        "loss=binary_cross_entropy",
        "trainer.epochs=30",
    )
    output = predict(capsys, folder, "labels.csv")
    assert "none" in output.splitlines()[2]
    assert output.splitlines()[-1].startswith("accuracy 9")
    (said,) = json.loads(predict(capsys, folder, "labels.csv", "--json"))["files"]
    assert list(said["predictions"][0]) == ["wide", "long", "p_wide", "p_long"]
    assert said["predictions"][-1]["wide"] is True


def test_arrays_may_bring_their_truth(digits, capsys):
    data = build(compose(["data=digits"])).data.load()
    expected = json.loads(Path(digits, "confusion", "test.json").read_text())["accuracy"]
    np.savez("test.npz", x=data.x_test, y=data.y_test)
    np.savez("images.npz", images=data.x_test.reshape(-1, 8, 8))
    columns = pd.DataFrame(data.x_test, columns=[f"pixel{n}" for n in range(64)])
    columns.to_csv("plain.csv", index=False)
    columns.assign(label=data.y_test).to_csv("labelled.csv", index=False)
    for name in ("test.npz", "labelled.csv"):
        assert f"accuracy {expected:.2%} of {len(data.y_test)} rows" in predict(capsys, digits, name)
    for name in ("images.npz", "plain.csv"):
        assert "accuracy" not in predict(capsys, digits, name)


def test_json_tells_the_run_and_every_probability(digits, alone, capsys):
    (path,), _, _ = images(alone, 1)
    told = json.loads(predict(capsys, digits, path, "--json"))
    assert set(told) == {"run", "name", "task", "files"}
    assert told["task"] == "classification"
    (said,) = told["files"][0]["predictions"]
    assert list(said) == ["prediction", "confidence", *(f"p_{n}" for n in range(10))]
    assert told["files"][0]["notes"] == ["centred"]


def test_a_run_is_found_in_the_store(store, capsys):
    result = run(compose(["data=digits", "trainer.epochs=1", "tracking.run_name=mine"]))
    data = build(compose(["data=digits"])).data.load()
    np.save("x.npy", data.x_test)
    by_folder = json.loads(predict(capsys, result.folder, "x.npy", "--json"))["files"]
    for name in ("mine", "best", "last", result.run_id, result.run_id[:8]):
        told = json.loads(predict(capsys, name, "x.npy", "--json"))
        assert (told["run"], told["name"], told["files"]) == (result.run_id, "mine", by_folder)
    assert (
        json.loads(predict(capsys, "best", "x.npy", "--json", "--experiment", "nnexp"))["run"]
        == result.run_id
    )
    assert main(["best", "x.npy", "--experiment", "other"]) == 2
    assert "other" in capsys.readouterr().err
    np.testing.assert_array_equal(
        [int(said["prediction"]) for said in by_folder[0]["predictions"]],
        result.predictions["test"].predicted,
    )


@pytest.mark.parametrize(
    ("write", "name", "says"),
    [
        (None, "none.png", "none.png: no such file"),
        (None, ".", "this is a folder; name the files in it"),
        ("text", "a.doc", "a.doc: its name does not say what it is; these can be read: .png, "),
        ("text", "a.png", "a.png: not a picture that can be read"),
        ("text", "a.npz", "a.npz: cannot be read as an array of numbers"),
        ("text", "a.npy", "a.npy: cannot be read as an array of numbers"),
        ("a,b\n1,2\n", "a.csv", "a.csv: 2 columns, and the network takes images of 8 x 8: 64 numbers"),
        ("", "a.csv", "a.csv: is empty"),
    ],
    ids=str,
)
def test_what_a_network_of_images_does_not_take_is_said(digits, alone, write, name, says, capsys):
    if write is not None:
        (alone / name).write_text(write)
    capsys.readouterr()
    assert main([digits, name]) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith("nnexp: ")
    assert says in seen.err


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"a": np.zeros(3), "b": np.zeros(3)}, "holds the arrays a, b; call the one with the examples x"),
        ({"x": np.zeros((3, 5))}, "a.npz: the network takes images of 8 x 8, and was given (3, 5)"),
        ({"x": np.zeros((0, 64))}, "the array x is empty"),
        ({"x": np.full((2, 64), 0.5)}, "multiply by 16"),
        (
            {"x": np.full((2, 64), 255)},
            "a.npz: the network takes pixels from 0 to 16, and these go from 255 to 255: multiply by 16/255",
        ),
        ({"x": np.full((2, 64), "a")}, "must be numbers"),
    ],
    ids=str,
)
def test_arrays_that_do_not_fit_are_said(digits, arrays, says, capsys):
    np.savez("a.npz", **arrays)
    capsys.readouterr()
    assert main([digits, "a.npz"]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "ending", "says"),
    [
        (
            lambda table: table.drop(columns="bed"),
            "csv",
            "missing column: bed; the network's columns: sepal_length, ",
        ),
        (lambda table: table.rename(columns={"bed": "Bed"}), "csv", "is it 'Bed'?"),
        (
            lambda table: table.assign(bed="roof"),
            "csv",
            "row 1 below the header: the column 'bed' holds 'roof'",
        ),
        (lambda table: table.assign(bed="roof"), "parquet", "row 1: the column 'bed' holds 'roof'"),
        (
            lambda table: table.assign(petal_width=[1.5] * 4 + ["wide"]),
            "csv",
            "expected a number in the column 'petal_width', got 'wide' in row 5 below",
        ),
        (
            lambda table: table.assign(petal_width=["1.5"] * 4 + ["wide"]),
            "parquet",
            "row 5: expected a number in the column 'petal_width', got 'wide'",
        ),
        (
            lambda table: table.assign(petal_width=[1.5] * 4 + [np.inf]),
            "parquet",
            "row 5: the column 'petal_width' holds a number that is infinite",
        ),
        (lambda table: table.head(0), "parquet", "it has no rows"),
        (lambda table: table.assign(bed=[[1]] * 5), "parquet", "the column 'bed' holds list<"),
    ],
    ids=range(9),
)
def test_what_is_wrong_with_a_table_is_said_with_row_and_column(iris, flowers, change, ending, says, capsys):
    table = change(pd.read_csv(flowers).head(5))
    name = f"new.{ending}"
    table.to_csv(name, index=False) if ending == "csv" else table.to_parquet(name)
    capsys.readouterr()
    assert main([iris, name]) == 2
    error = capsys.readouterr().err
    assert name in error
    assert says in error
    assert "data." not in error, "advice for learning"


def test_a_network_of_a_table_takes_no_pictures(iris, alone, capsys):
    (path,), _, _ = images(alone, 1)
    assert main([iris, str(path)]) == 2
    assert "a picture, and the network takes rows of 7 numbers: sepal_length, " in capsys.readouterr().err


def test_a_run_that_is_none_and_one_without_a_network_are_said(digits, alone, capsys):
    np.save("x.npy", np.zeros((1, 64)))
    assert main(["nowhere", "x.npy"]) == 2
    assert capsys.readouterr().err.startswith("nnexp: ")
    (alone / "old").mkdir()
    (alone / "old" / "journal.jsonl").write_text(Path(digits, "journal.jsonl").read_text())
    assert main([str(alone / "old"), "x.npy"]) == 2
    assert "network.json" in capsys.readouterr().err


def test_where_to_keep_predictions_must_name_a_table(digits):
    with pytest.raises(UserError) as raised:
        main([digits, "x.npy", "--out", "said.xls"])
    assert "--out said.xls" in str(raised.value)


def test_a_folder_that_there_is_not_is_said_before_the_work(digits, alone):
    (alone / "folder.csv").mkdir()
    for out, says in (
        ("nofolder/said.csv", "there is no folder nofolder"),
        ("folder.csv", "this is a folder"),
    ):
        with pytest.raises(UserError) as raised:
            main([digits, "x.npy", "--out", out])
        assert f"--out {out}: {says}" in str(raised.value)


def test_answers_are_told_even_if_they_cannot_be_kept(digits, alone, monkeypatch, capsys):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("nnexp.cli.commands.predict.keep", full)
    np.save("x.npy", np.zeros((1, 64)))
    assert main([digits, "x.npy", "--out", "said.csv"]) == 2
    seen = capsys.readouterr()
    assert "x.npy: 1 row" in seen.out
    assert seen.err == "nnexp: no space left\n"
