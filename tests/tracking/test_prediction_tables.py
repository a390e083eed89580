import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from nnexp.tracking.prediction_tables import write_parquet


def read_back(arrays, names):
    write_parquet(Path("table.parquet"), arrays, names)
    return pd.read_parquet("table.parquet")


def test_a_classification_has_the_names_of_classes():
    arrays = {"index": np.array([7, 2, 9]), "true": np.array([0, 2, 1]), "predicted": np.array([0, 2, 2])}
    frame = read_back(arrays | {"confidence": np.array([0.5, 0.9, 1], np.float32)}, ("setosa", "日本", "a b"))
    assert frame.columns.tolist() == ["index", "true", "predicted", "confidence"]
    assert frame["index"].tolist() == [7, 2, 9]
    assert frame["true"].tolist() == ["setosa", "a b", "日本"]
    assert frame["predicted"].tolist() == ["setosa", "a b", "a b"]
    np.testing.assert_array_equal(frame["confidence"], np.array([0.5, 0.9, 1], np.float32))


def test_a_regression_has_a_pair_of_columns_for_each_target():
    y = np.arange(6.0, dtype=np.float32).reshape(3, 2)
    frame = read_back({"index": np.arange(3), "y": y, "predicted": y + 1}, ("width", "height"))
    names = ["index", "true_width", "predicted_width", "true_height", "predicted_height"]
    assert frame.columns.tolist() == names
    assert frame["true_height"].tolist() == [1, 3, 5]
    assert frame["predicted_width"].tolist() == [1, 3, 5]


def test_labels_have_truths_and_probabilities():
    y = np.random.default_rng(0).random((21, 2)) < 0.5
    confidence = np.random.default_rng(1).random((21, 2)).astype(np.float32)
    arrays = {"index": np.arange(21), "y": y, "predicted": confidence > 0.5, "confidence": confidence}
    frame = read_back(arrays, ("sport", "art"))
    assert frame["true_sport"].tolist() == y[:, 0].tolist()
    assert frame["predicted_art"].tolist() == (confidence[:, 1] > 0.5).tolist()
    np.testing.assert_array_equal(frame["confidence_art"], confidence[:, 1])


def test_a_split_without_examples_is_an_empty_table_and_writing_one_does_not_import_pandas():
    code = """
import sys
from pathlib import Path
import numpy as np
from nnexp.tracking.prediction_tables import write_parquet
arrays = {key: np.zeros(0, np.int64) for key in ("index", "true", "predicted", "confidence")}
write_parquet(Path("table.parquet"), arrays, ("a", "b"))
sys.exit("pandas" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert len(pd.read_parquet("table.parquet")) == 0
