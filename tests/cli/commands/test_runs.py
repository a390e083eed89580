import csv
import io
import json
import os
import re
import time
from itertools import product

import pytest
from rich.console import Console

from nnexp.cli.commands.runs import main
from nnexp.cli.run_table.columns import default, differing, ordered
from nnexp.cli.run_table.layout import _cut, _without_common_words, drawn
from nnexp.errors import UserError
from nnexp.messages import duration
from nnexp.metrics.metric_info import format_metric
from nnexp.runs.query import Runs
from nnexp.tracking.mlflow.store import log_metrics, log_params, open_store, tracking_uri

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)

BEGUN = 1_700_000_000_000  # milliseconds since 1970
RUNS = {
    "he": (
        {"optimizer": "adam", "init": "he_normal", "init.gain": "2", "optimizer.lr": "0.01", "seed": "0"},
        0.98,
        0.3,
    ),
    "xavier": (
        {
            "optimizer": "adam",
            "init": "xavier_normal",
            "init.gain": "1",
            "optimizer.lr": "0.002",
            "seed": "0",
        },
        0.975,
        0.1,
    ),
    "sgd": (
        {"optimizer": "sgd", "init": "he_normal", "init.gain": "2", "optimizer.lr": "10", "seed": "0"},
        0.9,
        float("nan"),
    ),
}


@pytest.fixture
def recorded(store):
    """Four runs: he, xavier, sgd, and one that was killed before it learnt anything; the names' ids."""
    from mlflow.entities import Metric

    client, experiment = open_store(tracking_uri(None), "nnexp")
    ids = {}
    for i, (name, (params, accuracy, loss)) in enumerate(RUNS.items()):
        begun = BEGUN + 60_000 * i
        ids[name] = client.create_run(
            experiment, begun, run_name=f"digits-mlp-{name}-s0", tags={"nnexp.git_commit": "abc"}
        ).info.run_id
        log_params(
            client, ids[name], params | {"tracking.uri": f"http://me:secret@{name}", "data._target_": name}
        )
        results = {
            "best/val_accuracy": accuracy,
            "test/accuracy": accuracy - 0.01,
            "test/loss": loss,
            "time/total": 75.0 + i,
        }
        log_metrics(client, ids[name], [Metric(key, value, begun, 0) for key, value in results.items()])
        client.set_terminated(ids[name], "FINISHED", begun + 80_000)
    ids["killed"] = client.create_run(
        experiment, BEGUN + 200_000, run_name="digits-mlp-killed-s0"
    ).info.run_id
    client.set_terminated(ids["killed"], "KILLED", BEGUN + 201_000)
    return ids


def rows(output):
    return [re.split(r" {2,}", line) for line in output.splitlines()]


def first_words(capsys):
    return [row[0] for row in rows(capsys.readouterr().out)[1:]]


def test_the_table_has_the_newest_first_and_what_they_differ_in(recorded, capsys):
    assert main([]) == 0
    seen = capsys.readouterr()
    head, killed, *others = rows(seen.out)
    results = ["best/val_accuracy", "test/accuracy", "time/total"]
    assert head == ["id", "name", "status", "started", *results, "optimizer", "init", "seed", "optimizer.lr"]
    assert [row[0] for row in [killed, *others]] == [
        recorded[name][:8] for name in ("killed", "sgd", "xavier", "he")
    ]
    assert killed[1:3] == ["digits-mlp-killed-s0", "KILLED"]
    assert others[2][4:] == ["98.00%", "97.00%", "1m15s", "adam", "he_normal", "0", "0.01"]
    assert seen.err == ""


def test_what_an_option_explains_is_no_difference(recorded):
    runs = Runs().select("metrics.`time/total` > 0")
    assert differing(runs) == ["optimizer", "init", "optimizer.lr"]
    assert differing(runs[:1]) == []


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("best/val_accuracy", ["he", "xavier", "sgd", "killed"]),
        ("+best/val_accuracy", ["sgd", "xavier", "he", "killed"]),
        ("test/loss", ["xavier", "he", "killed", "sgd"]),
        ("-test/loss", ["he", "xavier", "killed", "sgd"]),
        ("time/total", ["he", "xavier", "sgd", "killed"]),
        ("optimizer.lr", ["xavier", "he", "sgd", "killed"]),
        ("-optimizer.lr", ["sgd", "he", "xavier", "killed"]),
        ("init", ["sgd", "he", "xavier", "killed"]),
        ("+started", ["he", "xavier", "sgd", "killed"]),
        ("started", ["killed", "sgd", "xavier", "he"]),
        ("params.init", ["sgd", "he", "xavier", "killed"]),
    ],
)
def test_runs_are_sorted_by_any_column_the_best_first(recorded, capsys, column, expected):
    assert main(["--sort", column, "--columns", "name"]) == 0
    assert first_words(capsys) == [f"digits-mlp-{name}-s0" for name in expected]


def test_the_first_runs_of_a_sorted_table_are_the_first_of_all(recorded, capsys):
    assert main(["--sort", "best/val_accuracy", "--top", "1", "--columns", "name"]) == 0
    assert first_words(capsys) == ["digits-mlp-he-s0"]


def test_a_filter_is_mlflows(recorded, capsys):
    condition = 'metrics."best/val_accuracy" > 0.95 and params.init = "he_normal"'
    assert main(["--filter", condition, "--columns", "name,nnexp.git_commit,seconds"]) == 0
    assert rows(capsys.readouterr().out) == [
        ["name", "nnexp.git_commit", "seconds"],
        ["digits-mlp-he-s0", "abc", "1m15s"],
    ]


def test_json_has_everything_or_the_columns_and_no_password(recorded, capsys):
    assert main(["--json", "--top", "2"]) == 0
    output = capsys.readouterr().out
    killed, sgd = json.loads(output)
    assert (killed["metrics"], killed["id"]) == ({}, recorded["killed"])
    assert sgd["params"]["optimizer.lr"] == "10"
    assert sgd["metrics"]["test/loss"] is None
    assert (killed["seconds"], sgd["seconds"]) == (1.0, 77.0)
    assert sgd["started"].startswith("2023-11-1")
    assert "secret" not in output
    assert main(["--json", "--columns", "name,test/loss", "--sort", "test/loss", "--top", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"name": "digits-mlp-xavier-s0", "test/loss": 0.1}]


def test_csv_has_the_columns_with_all_digits(recorded, capsys):
    assert main(["--csv", "--sort", "best/val_accuracy"]) == 0
    head, he, *others = csv.reader(io.StringIO(capsys.readouterr().out))
    assert head[:5] == ["id", "name", "status", "started", "best/val_accuracy"]
    assert (he[0], he[4]) == (recorded["he"], "0.98")
    assert len(others) == 3
    assert others[-1][4] == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--columns", "name,best/val_acuracy"],
            "no such column: best/val_acuracy; did you mean best/val_accuracy?",
        ),
        (["--sort", "optimzer.lr"], "did you mean optimizer.lr?"),
        (["--sort", "-tset/loss"], "did you mean test/loss?"),
        (["--filter", "metrics.best/val_accuracy > 0.9"], "MLflow cannot read this"),
        (["--experiment", "nnex"], "did you mean nnexp?"),
        (["--uri", "sqlite:///nowhere.db"], "no runs here yet"),
        (
            ["--uri", "mlruns"],
            "mlruns is a folder of files, which MLflow 3.13 and later refuse; did you mean sqlite:///mlruns/mlflow.db?",
        ),
        (["--uri", "mlruns/mlflow.db"], "did you mean sqlite:///mlruns/mlflow.db?"),
        (
            ["--uri", "htp://me:secret@x"],
            "htp://***@x: unknown scheme htp://; did you mean http://?",
        ),
        (
            ["--filter", 'metrics."test/acuracy" > 0.5 and params.init = "zeros"'],
            "no run has a metric test/acuracy; did you mean test/accuracy?",
        ),
        (
            ["--filter", 'params.optimizer.l = "1"', "--json"],
            "no run has a param optimizer.l; did you mean optimizer.lr?",
        ),
        (["--filter", 'params.seed = "7"', "--columns", "nme"], "no such column: nme"),
    ],
    ids=str,
)
def test_mistakes_are_told_in_one_line_with_the_remedy(recorded, capsys, arguments, says):
    assert main(arguments) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith("nnexp: ")
    assert seen.err.count("\n") == 1
    assert says in seen.err


def test_a_top_below_one_is_refused():
    with pytest.raises(UserError) as raised:
        main(["--top", "0"])
    assert str(raised.value) == "--top 0: at least 1; see nnexp runs --help"


def test_a_filter_that_nothing_fits_is_no_mistake(recorded, capsys):
    assert main(["--filter", "metrics.`test/accuracy` > 2", "--json"]) == 0
    seen = capsys.readouterr()
    assert json.loads(seen.out) == []
    assert seen.err == "nnexp: no run fits metrics.`test/accuracy` > 2\n"


def test_a_column_that_only_older_runs_have_is_shown_empty(recorded, capsys):
    assert main(["--top", "1", "--columns", "name,optimizer"]) == 0
    assert first_words(capsys) == ["digits-mlp-killed-s0"]


def test_programs_get_all_runs_and_a_person_hears_how_many_more_there_are(recorded, capsys, monkeypatch):
    monkeypatch.setattr("nnexp.cli.commands.runs.TOP", 1)
    assert main(["--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4
    assert main(["--csv", "--columns", "id"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 5
    for arguments in ([], ["--sort", "test/loss"]):
        assert main(arguments) == 0
        seen = capsys.readouterr()
        assert len(seen.out.splitlines()) == 2
        assert seen.err == "nnexp: 3 more runs; all of them: --top 4\n"


def test_a_database_that_does_not_answer_is_told_at_once_without_a_warning(alone, capsys):
    pytest.importorskip("psycopg2")
    begun = time.monotonic()
    assert main(["--uri", "postgresql+psycopg2://me:secret@127.0.0.1:1/x"]) == 2
    assert time.monotonic() - begun < 8
    seen = capsys.readouterr()
    assert (
        seen.err
        == "nnexp: MLflow at postgresql+psycopg2://***@127.0.0.1:1/x: connection refused: is the server running?\n"
    )


def test_a_store_without_runs_says_how_to_make_one(store, capsys):
    for arguments in ([], ["--json"], ["--filter", "params.x = '1'"], ["--uri", "sqlite:///nowhere.db"]):
        assert main(arguments) == 2
        seen = capsys.readouterr()
        assert seen.out == ""
        assert re.fullmatch(
            r"nnexp: no runs here yet: there are none at .*\.db; make one with: nnexp data=digits\n", seen.err
        )


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 140])
def test_a_terminal_of_any_width_gets_whole_lines_and_hears_what_has_no_room(recorded, width):
    runs = Runs().select()
    console = Console(
        width=width, file=io.StringIO(), force_terminal=True, color_system=None, highlight=False
    )
    columns = default(runs)
    console.print(drawn(runs, columns, width))
    assert isinstance(console.file, io.StringIO)
    table, _, note = console.file.getvalue().partition("no room for ")
    lines = table.splitlines()
    assert len(lines) == 6 - (width == 20)  # headings on two lines, or on one, and four runs
    assert max(map(len, lines)) <= width
    shown = "".join(line.strip() for line in lines[:2])
    assert "id" in shown
    assert ("seed" in shown) != ("seed" in note)
    assert all(run.id[:8] in line for run, line in zip(runs, lines[-4:], strict=True))


@pytest.mark.parametrize("width", [80, 100])
def test_runs_of_several_data_sets_can_still_be_told_apart_where_there_is_little_room(store, width):
    client, experiment = open_store(tracking_uri(None), "nnexp")
    configurations = [
        *product(("digits", "fashion_mnist", "table"), ("he_normal", "xavier_normal"), ("adam", "momentum"))
    ]
    for data, init, optimizer in configurations:
        run_id = client.create_run(
            experiment, BEGUN, run_name=f"{data}-mlp-{init}-{optimizer}-cosine-s0"
        ).info.run_id
        log_params(client, run_id, {"data": data, "init": init, "optimizer": optimizer})
        client.log_metric(run_id, "best/val_accuracy", 0.9)
    runs = Runs().select()
    console = Console(width=width, file=io.StringIO(), color_system=None, highlight=False)
    console.print(drawn(runs, default(runs), width))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().partition("no room")[0].splitlines()[-len(runs) :]
    assert len({line[8:] for line in lines}) == len(configurations)
    assert "90.00%" in lines[0]
    assert max(map(len, lines)) <= width


def test_a_long_name_is_cut_in_its_middle():
    assert [_cut("a-long-name-s10", width) for width in (15, 9, 8)] == [
        "a-long-name-s10",
        "a-lo..s10",
        "a-l..s10",
    ]
    assert _without_common_words(["digits-mlp-adam-s0", "iris-mlp-sgd-s0"]) == [
        "digits..adam..",
        "iris..sgd..",
    ]
    assert _without_common_words(["a-b-c", "a-c"]) == ["..b..", ".."]
    assert _without_common_words(["a-b", "a-b"]) == ["a-b", "a-b"]


def test_columns_that_were_asked_for_are_left_out_from_the_last(recorded):
    console = Console(width=40, file=io.StringIO(), color_system=None, highlight=False)
    runs = Runs().select()
    console.print(drawn(runs, ["name", "best/val_accuracy", "status", "test/loss"], 40, wanted=True))
    assert isinstance(console.file, io.StringIO)
    assert "no room for test/loss" in console.file.getvalue()
    assert "KILLED" in console.file.getvalue()


def test_on_a_terminal_the_table_is_drawn_and_more_runs_are_announced(recorded, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setitem(os.environ, "COLUMNS", "80")
    assert main(["--top", "2"]) == 0
    output = capsys.readouterr().out
    assert "the newest 2 runs; more: --top 4" in output
    assert main(["--top", "2", "--sort", "test/loss"]) == 0
    assert "the first 2 of 4 runs" in capsys.readouterr().out


def test_brackets_in_a_name_are_no_markup(store, capsys, monkeypatch):
    client, experiment = open_store(tracking_uri(None), "nnexp")
    client.create_run(experiment, BEGUN, run_name="[red]a[/] [bold")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["--columns", "name,status"]) == 0
    assert "[red]a[/] [bold" in capsys.readouterr().out


def test_numbers_are_written_as_one_reads_them():
    seconds = 0.0123, 1.26, 59.9, 75, 3725, 90000
    assert [duration(each) for each in seconds] == [
        "0.0123 s",
        "1.26 s",
        "59.9 s",
        "1m15s",
        "1h02m",
        "25h00m",
    ]
    assert format_metric("test/accuracy", 0.98765) == "98.77%"
    assert format_metric("recall/7", 1.0) == "100.00%"
    assert format_metric("val/loss", 0.1) == "0.1000"
    assert format_metric("val/loss", 1e30) == "1e+30"
    assert format_metric("lr", 0.00012345) == "0.0001234"
    assert format_metric("best/epoch", 15.0) == "15"
    assert format_metric("train/loss", float("inf")) == "inf"
    assert format_metric("test/accuracy", float("nan")) == "nan"
    assert format_metric("test/ece", 0.01321) == "0.0132"
    assert format_metric("examples_per_second", 131560.7) == "131,561"


def test_nothing_is_sorted_by_without_harm():
    assert ordered([], "name") == []
