"""Saved views have the form that the version of MLflow takes, which a server is asked for."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import mlflow
import pytest
from fixtures.third_party import accepts_warnings

from nnexp.tracking.mlflow.views.page_state import DEFAULTS, View
from nnexp.tracking.mlflow.views.support import ViewSupport, tags_of_new_experiment

pytestmark = accepts_warnings


@pytest.mark.parametrize(
    ("version", "support"),
    [
        ("3.1.4", ViewSupport(has_names=False, max_length=5_000, has_runs_tab=False)),
        ("3.14.0", ViewSupport(has_names=False, max_length=5_000)),
        ("3.15.0", ViewSupport(has_names=True, max_length=5_000)),
        ("3.16.0", ViewSupport(has_names=True, max_length=20_000)),
        ("3.18.0rc1", ViewSupport(has_names=True, max_length=20_000)),
        ("no version", ViewSupport(has_names=False, max_length=5_000, has_runs_tab=False)),
    ],
)
def test_a_database_is_served_by_the_mlflow_here(monkeypatch, version, support):
    monkeypatch.setattr(mlflow, "__version__", version)
    assert ViewSupport.of("sqlite:///mlflow.db") == support


class Server(BaseHTTPRequestHandler):
    answer = b"3.15.2"

    def do_GET(self):
        self.send_response(200 if self.path.endswith("/version") else 404)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("answer", "support"),
    [(b"3.15.2\n", ViewSupport(True, 5_000)), (b"<html>login</html>", ViewSupport(False, 5_000, False))],
)
def test_a_server_is_asked_for_its_version(monkeypatch, answer, support):
    monkeypatch.setattr(Server, "answer", answer)
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        assert ViewSupport.of(f"http://127.0.0.1:{server.server_port}/mlflow") == support
        server.shutdown()


def test_a_server_that_does_not_answer_counts_as_an_early_one(monkeypatch, free_port):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert ViewSupport.of(f"http://127.0.0.1:{free_port()}") == ViewSupport(False, 5_000, False)


def test_the_menu_lists_the_views_in_their_order():
    views = [View(name, name, {**DEFAULTS, "compareRunCharts": []}) for name in ("first", "second", "third")]
    tags = ViewSupport(True, 20_000).tags(views, created=1000)
    times = {key: json.loads(text)["createdAt"] for key, text in tags.items()}
    assert sorted(times, key=times.__getitem__, reverse=True) == [view.tag for view in views]
    assert min(times.values()) == 1000


def test_a_new_experiment_has_all_views():
    tags = tags_of_new_experiment("sqlite:///mlflow.db")
    names = [json.loads(text)["name"] for text in tags.values()]
    assert names == ["Leaderboard", "Learning curves", "Layers", "By setting"]


def test_runs_have_an_address_of_their_own_since_mlflow_3_3():
    assert ViewSupport(True, 20_000).runs_path("7") == "experiments/7/runs"
    assert ViewSupport(False, 5_000, has_runs_tab=False).runs_path("7") == "experiments/7"
