"""`nnexp predict`: predictions of a run's network for images, tables and arrays."""

import argparse
import json
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from nnexp.cli.arguments import Arguments
from nnexp.messages import natural_key
from nnexp.run_folder import NETWORK, weights_path
from nnexp.runs.query import Run, Runs
from nnexp.serving.load_model import load_model
from nnexp.serving.prediction_table import SUFFIXES, FilePredictions, predict_files, write_table
from nnexp.serving.prediction_text import format_predictions

DESCRIPTION = """Predict images, tables or arrays with a run's network.
Drawings are made bright on black, as large as those in training, and centred.
Tables need the columns of the training table; if they hold the target too, the accuracy is printed.
Images are also read from folders; the name of a class above a file is its true class.
Arrays (.npy, or x in .npz) hold examples as the data set stores them."""
FILES = "images, folders of images, tables (CSV, TSV, Parquet) or arrays (NPZ, NPY)"


def main(arguments: list[str]) -> int:
    """Print predictions and write them to a table; returns the exit code."""
    parser = Arguments("predict", DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_run()
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=FILES)
    parser.add_output(SUFFIXES, "write all predictions to a table")
    parser.add_json("as JSON")
    parser.add_argument("--as-is", action="store_true", help="only resize images to the network's size")
    parser.add_store()
    options = parser.parse_args(arguments)
    run = Runs(options.uri, options.experiment).find(options.run)
    predictor = load_model(run.file(NETWORK), run.file(weights_path("best")))
    files = [path for given in options.files for path in matching(given)]
    predictions = predict_files(predictor, files, options.as_is)
    print(to_json(run, predictions) if options.json else format_predictions(predictions), flush=True)
    if options.out:
        write_table(predictions, options.out)
        if not options.json:
            print(f"\n{options.out.resolve()}: {sum(len(one.z) for one in predictions):,} predictions")
    return 0


def matching(given: Path) -> list[Path]:
    """Return the files that a pattern names, which some shells leave as it is; or the path as it is given."""
    paths = [] if given.exists() else map(Path, glob(str(given), recursive=True))
    return sorted(paths, key=lambda path: natural_key(str(path))) or [given]


def to_json(run: Run, predictions: Sequence[FilePredictions]) -> str:
    """Format run and predictions as JSON."""
    files = [one.to_json() for one in predictions]
    values = {"run": run.id, "name": run.name, "task": predictions[0].predictor.task.name, "files": files}
    return json.dumps(values, indent=1, ensure_ascii=False)
