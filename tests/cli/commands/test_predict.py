"""`nnexp predict` on pictures, tables and arrays."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.third_party import accepts_warnings
from PIL import Image

from nnexp import compose, run
from nnexp.__main__ import main
from nnexp.config import build

pytestmark = accepts_warnings

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


@pytest.fixture
def predict(capsys):
    def run_command(*arguments):
        capsys.readouterr()
        code = main(["predict", *map(str, arguments)])
        printed = capsys.readouterr()
        assert (code, printed.err) == (0, "")
        return printed.out

    return run_command


@pytest.fixture
def refused(capsys):
    def run_command(*arguments):
        capsys.readouterr()
        assert main(["predict", *map(str, arguments)]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("nnexp: ")
        return printed.err

    return run_command


@pytest.fixture
def predict_json(predict):
    return lambda *arguments: json.loads(predict(*arguments, "--json"))["files"]


def images(folder, count=6):
    data = build(compose(["data=digits"])).data.load()
    paths = []
    for n in range(count):
        paths.append(folder / f"digit{n}.png")
        Image.fromarray((data.x_test[n].reshape(8, 8) * 15.9375).round().astype(np.uint8)).save(paths[-1])
    return paths, data.x_test[:count], data.y_test[:count]


def test_images_are_a_line_each_with_the_first_three_classes(digits, alone, predict):
    paths, _, _ = images(alone)
    lines = predict(digits, "--as-is", *paths).splitlines()
    assert len(lines) == len(paths)
    for line, path in zip(lines, paths, strict=True):
        assert line.startswith(f"{path}  ")
        assert line.count("%") == 3
        assert line.endswith("(resized)")


def test_a_pattern_that_the_shell_has_left_names_files_in_natural_order(digits, alone, predict, refused):
    paths, _, _ = images(alone, 11)
    assert predict(digits, "digit*.png") == predict(digits, *(path.name for path in paths))
    (alone / "digit[0].png").write_bytes(paths[0].read_bytes())
    assert predict(digits, "digit[0].png").startswith("digit[0].png  ")
    assert "none*.png: no such file" in refused(digits, "none*.png")


def test_image_files_are_predicted_as_their_arrays(digits, alone, predict_json):
    paths, x, _ = images(alone, 30)
    np.save("x.npy", x)
    files = predict_json(digits, "--as-is", *paths)
    (array,) = predict_json(digits, "x.npy")
    for file, row in zip(files, array["predictions"], strict=True):
        (predicted,) = file["predictions"]
        assert predicted["prediction"] == row["prediction"]
        assert predicted["confidence"] == pytest.approx(row["confidence"], rel=1e-4)


def test_the_images_of_a_folder_are_a_table_with_true_classes(digits, alone, predict, predict_json):
    (alone / "some").mkdir()
    paths, _, y = images(alone / "some")
    for path, name in zip(paths, y.tolist(), strict=True):
        (alone / "some" / str(name)).mkdir(exist_ok=True)
        path.rename(alone / "some" / str(name) / path.name)
    (alone / "some" / "cut.png").write_bytes(b"")
    Image.new("L", (9, 9)).save(alone / "some" / "blank.png")
    shown = predict(digits, "some")
    assert "some: 6 rows" in shown
    assert "on 6 rows with true values" in shown
    assert "not read: some/cut.png: cannot be read as an image: the file is empty" in shown
    assert "not read: some/blank.png: the image is blank" in shown
    (file,) = predict_json(digits, "some", "--as-is")
    assert [row["id"].rpartition("/")[0] for row in file["predictions"] if "/" in row["id"]] == sorted(
        map(str, y)
    )


def test_an_inverted_background_is_reported(digits, alone, predict):
    (path,), _, _ = images(alone, 1)
    dark = np.asarray(Image.open(path).resize((200, 200), Image.Resampling.BICUBIC))
    Image.fromarray(np.pad(255 - dark, 40, constant_values=255)).save("paper.jpg")
    assert "(light background: inverted, centred)" in predict(digits, "paper.jpg")


def test_a_table_shows_its_first_rows_and_the_accuracy(iris, flowers, predict, predict_json):
    lines = predict(iris, flowers).splitlines()
    assert lines[0] == f"{flowers}: 150 rows"
    assert lines[1].split() == ["row", "prediction", "confidence", "true"]
    assert len(lines) == 2 + 20 + 2
    assert lines[-2].startswith("... 130 more rows; --out")
    (file,) = predict_json(iris, flowers)
    true = pd.read_csv(flowers)["species"]
    predicted = [row["prediction"] for row in file["predictions"]]
    accuracy = np.mean(predicted == true)
    assert file["accuracy"] == accuracy
    assert lines[-1].startswith(f"accuracy {accuracy:.2%} on 150 rows")


def test_all_table_formats_give_the_same_predictions(iris, flowers, alone, predict_json):
    table = pd.read_csv(flowers)
    table.to_csv("flowers.tsv", sep="\t", index=False)
    table.to_parquet("flowers.parquet")
    table.sample(frac=1, axis=1, random_state=0).assign(extra="x").to_csv("mixed.csv.gz", index=False)
    texts = {name: table[name].fillna("").to_numpy(str) for name in ("bed", "species")}
    np.savez("flowers.npz", **({name: table[name] for name in table} | texts))
    first, *others = predict_json(iris, flowers, *(path.name for path in alone.glob("*.*")))
    assert len(others) == 4
    for other in others:
        assert (other["predictions"], other["accuracy"]) == (first["predictions"], first["accuracy"])


def test_without_the_target_there_is_no_accuracy(iris, flowers, predict):
    pd.read_csv(flowers).drop(columns="species").head(3).to_csv("new.csv", index=False)
    output = predict(iris, "new.csv")
    assert "true" not in output
    assert "accuracy" not in output
    assert len(output.splitlines()) == 5


def test_missing_and_unknown_true_classes_do_not_count(iris, flowers, predict):
    pd.read_csv(flowers).head(4).assign(species=["setosa", None, "rose", "setosa"]).to_csv("some.csv")
    lines = predict(iris, "some.csv").splitlines()
    assert " on 2 rows" in lines[-1]
    assert lines[3].endswith("?")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz"])
def test_all_rows_are_written_to_a_table(iris, flowers, suffix, predict):
    out = f"predictions.{suffix}"
    assert "300 predictions" in predict(iris, flowers, flowers, "--out", out)
    if suffix == "npz":
        with np.load(out, allow_pickle=False) as saved:
            table = pd.DataFrame(dict(saved))
    else:
        table = pd.read_csv(out) if suffix == "csv" else pd.read_parquet(out)
    probabilities = ["p_setosa", "p_versicolor", "p_virginica"]
    assert list(table) == ["file", "row", "prediction", "confidence", *probabilities, "true"]
    assert table["row"].tolist() == [*range(1, 151)] * 2
    assert table["true"].tolist() == pd.read_csv(flowers)["species"].tolist() * 2
    assert np.allclose(table[probabilities].sum(axis=1), 1)


def test_a_regression_predicts_numbers_and_prints_r2(runs, flowers, predict):
    folder = runs("data=table", f"data.path={flowers}", "data.target=petal_width", "loss=mean_squared_error")
    lines = predict(folder, flowers, "--out", "out.csv").splitlines()
    assert lines[1].split() == ["row", "petal_width", "true_petal_width"]
    assert any(line.startswith("R2 ") and " on 150 rows" in line for line in lines)
    assert list(pd.read_csv("out.csv")) == ["file", "row", "petal_width", "true_petal_width"]


def test_labels_are_predicted_by_name(runs, flowers, alone, predict, predict_json):
    table = pd.read_csv(flowers)
    labels = {"wide": table["petal_width"] > 1, "long": table["petal_length"] > 4}
    numbers = {name: label.astype(int) for name, label in labels.items()}
    table.assign(**numbers).to_csv("labels.csv", index=False)
    data = ["data=table", f"data.path={alone / 'labels.csv'}", "data.target=[wide,long]"]
    folder = runs(*data, "loss=binary_cross_entropy", "trainer.epochs=30")
    lines = predict(folder, "labels.csv").splitlines()
    assert "none of the labels" in lines[2]
    assert lines[-1].startswith("label accuracy 9")
    (file,) = predict_json(folder, "labels.csv")
    assert list(file["predictions"][0]) == ["wide", "long", "p_wide", "p_long"]
    assert file["predictions"][-1]["wide"] is True


def test_arrays_and_tables_of_pixels_may_hold_true_classes(digits, predict):
    data = build(compose(["data=digits"])).data.load()
    expected = json.loads(Path(digits, "confusion", "test.json").read_text(encoding="utf-8"))["accuracy"]
    np.savez("test.npz", x=data.x_test, y=data.y_test)
    np.savez("images.npz", images=data.x_test.reshape(-1, 8, 8))
    columns = pd.DataFrame(data.x_test, columns=[f"pixel{n}" for n in range(64)])
    columns.to_csv("plain.csv", index=False)
    columns.assign(label=data.y_test).to_csv("labelled.csv", index=False)
    for name in ("test.npz", "labelled.csv"):
        assert f"accuracy {expected:.2%} on {len(data.y_test)} rows" in predict(digits, name)
    for name in ("images.npz", "plain.csv"):
        assert "accuracy" not in predict(digits, name)


def test_json_holds_the_run_and_every_probability(digits, alone, predict):
    (path,), _, _ = images(alone, 1)
    values = json.loads(predict(digits, path, "--json"))
    assert set(values) == {"run", "name", "task", "files"}
    assert values["task"] == "classification"
    (predicted,) = values["files"][0]["predictions"]
    assert list(predicted) == ["prediction", "confidence", *(f"p_{n}" for n in range(10))]
    assert values["files"][0]["notes"] == ["centred"]


def test_a_run_is_looked_up_in_the_store(store, predict, refused):
    result = run(compose(["data=digits", "trainer.epochs=1", "tracking.run_name=mine"]))
    data = build(compose(["data=digits"])).data.load()
    np.save("x.npy", data.x_test)
    by_folder = json.loads(predict(result.folder, "x.npy", "--json"))["files"]
    for options in (["mine"], ["best", "--experiment", "nnexp"], ["last"], [result.run_id[:8]]):
        values = json.loads(predict(*options, "x.npy", "--json"))
        assert (values["run"], values["name"], values["files"]) == (result.run_id, "mine", by_folder)
    assert "other" in refused("best", "x.npy", "--experiment", "other")
    predicted = [int(row["prediction"]) for row in by_folder[0]["predictions"]]
    np.testing.assert_array_equal(predicted, result.splits["test"].predictions.predicted)


NETWORK_TAKES = "expected images of 8 x 8"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.png", None, "none.png: no such file"),
        (".", None, "a folder without images"),
        ("a.doc", "text", "a.doc: expected a file named .png, "),
        ("a.png", "text", "a.png: cannot be read as an image"),
        ("a.npz", "text", "a.npz: cannot be read as an array of numbers"),
        ("a.npy", "text", "a.npy: cannot be read as an array of numbers"),
        ("a.csv", "a,b\n1,2\n", f"a.csv: {NETWORK_TAKES}: 64 columns, got 2"),
        ("a.csv", "", "a.csv: "),
        ("a.npz", {"a": np.zeros(3), "b": np.zeros(3)}, "holds the arrays a, b"),
        ("a.npz", {"x": np.zeros((3, 5))}, f"a.npz: {NETWORK_TAKES}, got (3, 5)"),
        ("a.npz", {"x": np.zeros((0, 64))}, "the array x is empty"),
        ("a.npz", {"x": np.full((2, 64), 0.5)}, "white is 16"),
        ("a.npz", {"x": np.full((2, 64), 255)}, "a.npz: expected pixels from 0 to 16, got 255 to 255"),
        ("a.npz", {"x": np.full((2, 64), "a")}, "must be numbers"),
        ("a.npz", {"x": np.zeros((2, 64)), "y": np.array([b"\xff"] * 2)}, "the array of classes is no text"),
        ("a.npz", "PK\3\4", "a.npz: cannot be read as an array of numbers: not an NPZ file"),
    ],
    ids=range(16),
)
def test_files_that_do_not_fit_a_network_of_images_are_refused(digits, name, content, message, refused):
    if isinstance(content, dict):
        np.savez(name, **content)
    elif content is not None:
        Path(name).write_text(content, encoding="utf-8")
    assert message in refused(digits, name)


@pytest.mark.parametrize(
    ("change", "suffix", "message"),
    [
        ({"petal_width": [1.5] * 4 + ["wide"]}, "csv", "'wide' in row 5 below"),
        ({"petal_width": ["1.5"] * 4 + ["wide"]}, "parquet", "row 5: expected a number in the column"),
        ({"petal_width": [1.5] * 4 + [np.inf]}, "parquet", "row 5: the column 'petal_width' holds a number"),
        ({"bed": [[1]] * 5}, "parquet", "the column 'bed' holds list<"),
        (["bed"], "csv", "missing column: bed; the network's columns: sepal_length, "),
        (slice(0), "parquet", "has no rows"),
    ],
    ids=range(6),
)
def test_errors_in_a_table_name_row_and_column(iris, flowers, change, suffix, message, refused):
    table = pd.read_csv(flowers).head(5)
    if isinstance(change, slice):
        table = table[change]
    else:
        table = table.drop(columns=change) if isinstance(change, list) else table.assign(**change)
    name = f"new.{suffix}"
    table.to_csv(name, index=False) if suffix == "csv" else table.to_parquet(name)
    error = refused(iris, name)
    assert name in error
    assert message in error
    assert "data." not in error, "advice for training"


def test_a_similar_column_name_is_suggested(iris, flowers, refused):
    pd.read_csv(flowers).rename(columns={"bed": "Bed"}).to_csv("new.csv", index=False)
    assert "is it 'Bed'?" in refused(iris, "new.csv")


def test_a_network_of_a_table_takes_no_images(iris, alone, refused):
    (path,), _, _ = images(alone, 1)
    assert "expected rows of 7 numbers: sepal_length, " in refused(iris, path)


def test_runs_that_do_not_exist_or_have_no_network_are_refused(digits, alone, refused):
    np.save("x.npy", np.zeros((1, 64)))
    refused("nowhere", "x.npy")
    (alone / "old").mkdir()
    (alone / "old" / "journal.jsonl").write_text(Path(digits, "journal.jsonl").read_text(encoding="utf-8"))
    assert "network.json" in refused(alone / "old", "x.npy")


@pytest.mark.parametrize("out", ["out.xls", "nofolder/out.csv", "folder.csv"])
def test_an_output_file_that_cannot_be_written_is_refused_first(digits, alone, out, refused):
    (alone / "folder.csv").mkdir()
    assert f"--out: {out}: " in refused(digits, "x.npy", "--out", out)


def test_predictions_are_printed_even_if_they_cannot_be_written(digits, monkeypatch, capsys):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("nnexp.cli.commands.predict.write_table", full)
    np.save("x.npy", np.zeros((1, 64)))
    assert main(["predict", digits, "x.npy", "--out", "out.csv"]) == 2
    printed = capsys.readouterr()
    assert "x.npy: 1 row" in printed.out
    assert printed.err == "nnexp: no space left\n"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_unseen_values_are_counted_and_unseen_classes_are_not_scored(
    iris, flowers, suffix, predict, predict_json
):
    table = pd.read_csv(flowers)
    expected = predict_json(iris, flowers)[0]
    new = table.assign(bed=table["bed"].where(table.index > 1, "roof")).astype({"species": object})
    new.loc[5:9, "species"] = "lily"
    name = f"new.{suffix}"
    new.to_csv(name, index=False) if suffix == "csv" else new.to_parquet(name)
    lines = predict(iris, name).splitlines()
    assert "values not seen in training: bed (2 rows: 'roof'), species (5 rows: 'lily')" in lines
    assert lines[-1].endswith("on 145 rows with true values")
    (file,) = predict_json(iris, name)
    assert file["predictions"][2:] == expected["predictions"][2:]
    assert len(file["predictions"]) == len(table)


def test_unseen_values_are_refused_on_request(runs, flowers, refused):
    strict = runs("data=table", f"data.path={flowers}", *FLOWERS, "data.unseen=error")
    pd.read_csv(flowers).head(3).assign(bed="roof").to_csv("new.csv", index=False)
    error = refused(strict, "new.csv")
    assert "row 1 below the header, row 2 below the header, row 3 below the header: the column 'bed'" in error
    assert "holds 'roof', not seen in training; expected one of north, south, missing" in error
