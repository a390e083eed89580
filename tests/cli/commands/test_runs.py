import io
import json
import os
import re
import time
from itertools import product

import pandas as pd
import pytest
from fixtures.third_party import accepts_warnings
from rich.console import Console

import nnexp as api
from nnexp.__main__ import main as nnexp
from nnexp.cli.run_table import default_columns, fitted
from nnexp.runs.columns import differing
from nnexp.runs.query import Runs
from nnexp.runs.selection import sort_runs
from nnexp.tracking.mlflow.store import log_metrics, log_params, open_store, tracking_uri

pytestmark = accepts_warnings

BEGUN = 1_700_000_000_000  # milliseconds since 1970
ADAM = {"optimizer": "adam", "init": "he_normal", "init.gain": "2", "optimizer.lr": "0.01", "seed": "0"}
RUNS = {
    "he": (ADAM, 0.98, 0.3),
    "xavier": (ADAM | {"init": "xavier_normal", "init.gain": "1", "optimizer.lr": "0.002"}, 0.975, 0.1),
    "sgd": (ADAM | {"optimizer": "sgd", "optimizer.lr": "10"}, 0.9, float("nan")),
}


def main(arguments):
    return nnexp(["runs", *arguments])


@pytest.fixture
def recorded(store):
    """Four runs: he, xavier, sgd, and one that was killed before its first epoch; the names' ids."""
    from mlflow.entities import Metric

    client, experiment = open_store(tracking_uri(None), "nnexp")
    ids = {}
    for i, (name, (params, accuracy, loss)) in enumerate(RUNS.items()):
        begun = BEGUN + 60_000 * i
        tags = {"nnexp.git_commit": "abc"}
        run = client.create_run(experiment, begun, run_name=f"digits-mlp-{name}-s0", tags=tags)
        ids[name] = run.info.run_id
        more = {"tracking.uri": f"http://me:secret@{name}", "data._target_": name}
        log_params(client, ids[name], params | more)
        results = {"best/val_accuracy": accuracy, "test/accuracy": accuracy - 0.01, "test/loss": loss}
        results["time/total"] = 75.0 + i
        log_metrics(client, ids[name], [Metric(key, value, begun, 0) for key, value in results.items()])
        client.set_terminated(ids[name], "FINISHED", begun + 80_000)
    run = client.create_run(experiment, BEGUN + 200_000, run_name="digits-mlp-killed-s0")
    ids["killed"] = run.info.run_id
    client.set_terminated(ids["killed"], "KILLED", BEGUN + 201_000)
    return ids


def rows(output):
    return [re.split(r" {2,}", line) for line in output.splitlines()]


def first_words(capsys):
    return [row[0] for row in rows(capsys.readouterr().out)[1:]]


def test_the_table_has_the_newest_first_and_the_params_that_differ(recorded, capsys):
    assert main([]) == 0
    output = capsys.readouterr()
    header, killed, *others = rows(output.out)
    results = ["best/val_accuracy", "test/accuracy", "time/total"]
    params = ["optimizer", "init", "seed", "optimizer.lr"]
    assert header == ["id", "name", "status", "started", *results, *params]
    ids = [recorded[name][:8] for name in ("killed", "sgd", "xavier", "he")]
    assert [row[0] for row in [killed, *others]] == ids
    assert killed[1:3] == ["digits-mlp-killed-s0", "KILLED"]
    assert others[2][4:] == ["98.00%", "97.00%", "1m15s", "adam", "he_normal", "0", "0.01"]
    assert output.err == ""


def test_params_that_an_option_explains_are_not_listed_as_differences(recorded):
    runs = Runs().select("metrics.`time/total` > 0")
    assert differing(runs) == ["optimizer", "init", "optimizer.lr"]
    assert differing(runs[:1]) == []


@pytest.mark.parametrize("options", [[], ["--sort", "best/val_accuracy"], ["--top", "1", "--json"]])
def test_the_runs_of_a_database_are_listed_without_mlflow(options, recorded, capsys, monkeypatch):
    def refuse(runs):
        raise AssertionError("importing it takes longer than all else")

    monkeypatch.setattr(Runs, "client", property(refuse))
    assert main(options) == 0
    assert "digits-mlp" in capsys.readouterr().out


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


def test_the_metric_that_runs_are_sorted_by_is_a_column(recorded, capsys):
    assert main(["--sort=-test/loss"]) == 0
    heading, *_ = capsys.readouterr().out.splitlines()
    assert heading.split().index("test/loss") < heading.split().index("test/accuracy")


def test_a_filter_is_in_the_language_of_mlflow(recorded, capsys):
    condition = 'metrics."best/val_accuracy" > 0.95 and params.init = "he_normal"'
    assert main(["--filter", condition, "--columns", "name,nnexp.git_commit,seconds"]) == 0
    header, row = rows(capsys.readouterr().out)
    assert header == ["name", "nnexp.git_commit", "seconds"]
    assert row == ["digits-mlp-he-s0", "abc", "1m15s"]


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


def test_csv_has_every_metric_param_and_tag_and_is_read_back_by_pandas(recorded, capsys):
    assert main(["--csv", "--sort", "best/val_accuracy"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out), index_col="name", dtype={"init": str})
    assert main(["--json", "--sort", "best/val_accuracy"]) == 0
    assert len(table) == 4
    for run in json.loads(capsys.readouterr().out):
        row = table.loc[run["name"]]
        assert (row["id"], row["started"], row["seconds"]) == (run["id"], run["started"], run["seconds"])
        for kind in ("metrics", "params"):
            for name, value in run[kind].items():
                assert value is None or str(row[name]) in (str(value), f"{value}.0"), name
    assert table.loc["digits-mlp-he-s0", "nnexp.git_commit"] == "abc"
    assert table.loc["digits-mlp-killed-s0"].isna().sum() == len(table.columns) - 5


def test_texts_with_commas_quotes_and_newlines_are_quoted_and_a_name_of_two_kinds_is_prefixed(store, capsys):
    client, experiment = open_store(tracking_uri(None), "nnexp")
    run_id = client.create_run(experiment, BEGUN, run_name='a "b", c').info.run_id
    params = {"loss": "hinge", "status": "x", "text": 'one,\n"two"', "ünï": "é"}
    log_params(client, run_id, params)
    client.log_metric(run_id, "loss", 0.5)
    assert main(["--csv"]) == 0
    (row,) = pd.read_csv(io.StringIO(capsys.readouterr().out)).to_dict("records")
    assert (row["loss"], row["params.loss"], row["status"]) == (0.5, "hinge", "RUNNING")
    assert (row["params.status"], row["text"], row["ünï"]) == ("x", params["text"], "é")
    assert row["name"] == 'a "b", c'


@pytest.mark.parametrize("terminal", [True, False])
def test_params_that_are_not_shown_are_named(store, capsys, monkeypatch, terminal):
    client, experiment = open_store(tracking_uri(None), "nnexp")
    keys = [f"model.k{i}" for i in range(7)]
    for value in "ab":
        run_id = client.create_run(experiment, BEGUN, run_name=value).info.run_id
        log_params(client, run_id, dict.fromkeys(keys, value))
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setitem(os.environ, "COLUMNS", "200")
    assert main([]) == 0
    output = capsys.readouterr()
    note = "3 more params differ: model.k4, model.k5, model.k6; all columns: --csv, some: --columns"
    assert note in (output.out if terminal else output.err)
    assert main(["--csv"]) == 0
    assert {*keys} <= {*capsys.readouterr().out.splitlines()[0].split(",")}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--columns", "name,best/val_acuracy"], "best/val_acuracy; did you mean best/val_accuracy?"),
        (["--sort", "optimzer.lr"], "did you mean optimizer.lr?"),
        (["--sort", "-tset/loss"], "did you mean test/loss?"),
        (["--filter", "metrics.best/val_accuracy > 0.9"], "MLflow cannot parse it"),
        (["--experiment", "nnex"], "did you mean nnexp?"),
        (["--uri", "sqlite:///nowhere.db"], "no runs here yet"),
        (["--uri", "mlruns"], "did you mean sqlite:///mlruns/mlflow.db?"),
        (["--uri", "htp://me:secret@x"], "htp://***@x: "),
        (["--filter", 'metrics."test/acuracy" > 0.5'], "metric test/acuracy; did you mean test/accuracy?"),
        (["--filter", 'params.optimizer.l = "1"', "--json"], "optimizer.l; did you mean optimizer.lr?"),
        (["--filter", 'params.seed = "7"', "--columns", "nme"], "no such column: nme"),
        (["--top", "0"], "nnexp: --top 0: at least 1"),
    ],
    ids=str,
)
def test_errors_are_one_line_with_the_remedy(recorded, capsys, arguments, says):
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("nnexp: ")
    assert output.err.count("\n") == 1
    assert says in output.err


def test_a_filter_that_matches_nothing_is_not_an_error(recorded, capsys):
    assert main(["--filter", "metrics.`test/accuracy` > 2", "--json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out) == []
    assert output.err == "nnexp: no run matches metrics.`test/accuracy` > 2\n"


@pytest.mark.parametrize(
    ("sort", "first"), [([], "killed"), (["--sort", "best/val_accuracy"], "he")], ids=["newest", "best"]
)
def test_the_first_run_is_shown_even_with_a_column_that_only_others_have(recorded, capsys, sort, first):
    assert main(["--top", "1", "--columns", "name,optimizer", *sort]) == 0
    assert first_words(capsys) == [f"digits-mlp-{first}-s0"]


def test_json_and_csv_have_all_runs_and_a_table_has_the_number_of_the_others(recorded, capsys, monkeypatch):
    monkeypatch.setattr("nnexp.cli.commands.runs.TOP", 1)
    assert main(["--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4
    assert main(["--csv", "--columns", "id"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 5
    for arguments in ([], ["--sort", "test/loss"]):
        assert main(arguments) == 0
        output = capsys.readouterr()
        assert len(output.out.splitlines()) == 2
        assert output.err == "nnexp: 3 more runs; all of them: --top 4\n"


def test_a_database_without_connection_is_an_error_at_once_without_a_warning(alone, capsys):
    pytest.importorskip("psycopg2")
    begun = time.monotonic()
    assert main(["--uri", "postgresql+psycopg2://me:secret@127.0.0.1:1/x"]) == 2
    assert time.monotonic() - begun < 60  # MLflow would try again for minutes
    output = capsys.readouterr()
    assert output.err.startswith("nnexp: MLflow at postgresql+psycopg2://***@127.0.0.1:1/x: ")
    assert output.err.count("\n") == 1


def test_the_error_of_an_empty_store_names_the_command_that_makes_a_run(store, capsys):
    for arguments in ([], ["--json"], ["--filter", "params.x = '1'"], ["--uri", "sqlite:///nowhere.db"]):
        assert main(arguments) == 2
        output = capsys.readouterr()
        assert output.out == ""
        remedy = r"nnexp: no runs here yet: .*\.db; make one with: nnexp data=digits\n"
        assert re.fullmatch(remedy, output.err)


def test_runs_that_were_not_uploaded_are_not_none(alone, no_upload, capsys):
    api.run(["data=digits", "trainer.epochs=1", "model.hidden=[4]"], display="quiet")
    assert nnexp(["runs"]) == 2
    assert capsys.readouterr().err.endswith("those below outputs/ are not uploaded; fix: nnexp sync\n")
    assert nnexp(["sync"]) == 0
    assert nnexp(["runs"]) == 0


def drawn(runs, columns, width, **options):
    """The lines of the table as on a terminal, and the columns that are left out."""
    console = Console(width=width, file=io.StringIO(), color_system=None, highlight=False)
    table, hidden = fitted(runs, columns, width, **options)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines(), hidden


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 140])
def test_a_table_fits_a_terminal_of_any_width_and_lists_what_is_left_out(recorded, width):
    runs = Runs().select()
    columns = default_columns(runs)
    lines, hidden = drawn(runs, columns, width)
    assert max(map(len, lines)) <= width
    shown = "".join(line.strip() for line in lines[:-4])
    assert "id" in shown
    assert ("seed" in shown) != ("seed" in hidden)
    assert all(run.id[:8] in line for run, line in zip(runs, lines[-4:], strict=True))


@pytest.mark.parametrize("width", [80, 100])
def test_runs_of_several_data_sets_are_distinguishable_on_a_narrow_terminal(store, width):
    client, experiment = open_store(tracking_uri(None), "nnexp")
    groups = ("digits", "fashion_mnist", "table"), ("he_normal", "xavier_normal"), ("adam", "momentum")
    configurations = [*product(*groups)]
    for data, init, optimizer in configurations:
        name = f"{data}-mlp-{init}-{optimizer}-cosine-s0"
        run_id = client.create_run(experiment, BEGUN, run_name=name).info.run_id
        log_params(client, run_id, {"data": data, "init": init, "optimizer": optimizer})
        client.log_metric(run_id, "best/val_accuracy", 0.9)
    runs = Runs().select()
    lines, _ = drawn(runs, default_columns(runs), width)
    lines = lines[-len(runs) :]
    assert len({line[8:] for line in lines}) == len(configurations)
    assert "90.00%" in lines[0]
    assert max(map(len, lines)) <= width


def test_requested_columns_are_left_out_from_the_last(recorded):
    columns = ["name", "best/val_accuracy", "status", "test/loss"]
    lines, hidden = drawn(Runs().select(), columns, 40, keep_order=True)
    assert hidden == ["test/loss"]
    assert "KILLED" in "".join(lines)


def test_brackets_in_a_name_are_not_markup_on_a_terminal(store, capsys, monkeypatch):
    client, experiment = open_store(tracking_uri(None), "nnexp")
    client.create_run(experiment, BEGUN, run_name="[red]a[/] [bold")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setitem(os.environ, "COLUMNS", "20")
    assert main(["--columns", "name,status,experiment"]) == 0
    output = capsys.readouterr().out
    assert "[red]a[/] [bold" in output
    assert "no room for status" in output


def test_no_runs_can_be_sorted():
    assert sort_runs([], "name") == []
