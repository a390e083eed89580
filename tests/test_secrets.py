"""Passwords and tokens appear nowhere: not on a terminal, not in a file, not in a store."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.third_party import accepts_warnings

import nnexp
from nnexp.errors import UserError
from nnexp.experiment import run as experiment
from nnexp.redaction import redact_logs_and_tracebacks, redacted
from nnexp.tracking.journal import Journal

pytestmark = accepts_warnings
SECRET = "s3cr3t-W0rd"
TEXTS = {
    "a URI": f"postgresql://me:{SECRET}@host/db?x=1",
    "an @ in a password": f"postgresql://me:p@{SECRET}@host/db",
    "a slash": f"postgresql://me:a/{SECRET}@host/db",
    "a question mark": f"http://me:a?{SECRET}@host/path",
    "a hash": f"http://me:a#{SECRET}@host/path",
    "percent-encoded": f"http://me:%40{SECRET}@host",
    "a token as the name": f"https://{SECRET}@host",
    "a driver": f"mysql+pymysql://me:{SECRET}@host/db",
    "within text": f"(psycopg.OperationalError) cannot connect to 'postgresql://me:{SECRET}@h/d' now",
    "a query": f"postgresql://host/db?user=me&password={SECRET}",
    "another query": f"http://host/?api_key={SECRET}&x=1",
    "ODBC": f"mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3D{SECRET}",
    "an override": f"nnexp hydra.job.env_set.MLFLOW_TRACKING_PASSWORD={SECRET}",
    "a quoted override": f"nnexp 'hydra.job.env_set.MLFLOW_TRACKING_TOKEN={SECRET}'",
    "an assignment": f"MLFLOW_TRACKING_TOKEN='{SECRET}' nnexp",
    "YAML": f"MLFLOW_TRACKING_TOKEN: {SECRET}",
    "a header": f"Authorization: Bearer {SECRET}",
    "a dictionary": f"{{'Authorization': 'Basic {SECRET}', 'x': 1}}",
}
PLAIN = (
    "sqlite:////home/me/mlflow.db",
    "http://localhost:5000/path?x=1",
    "expected one of basic, token; got password",
    "sqlite:////home/me@work/mlflow.db",
    "sqlite:///C:/Users/me@work/mlflow.db",
    "data.path=//nas/share/me@work.csv",
    "https://host/icon@2x.png, pip install git+https://host/me/package@main",
    "data.target=token",
    "data=digits model.hidden=[128,64] tracking.uri=http://host:5000",
)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_secrets_are_hidden_by_their_form_and_hiding_twice_changes_nothing(text):
    assert SECRET not in redacted(text)
    assert redacted(redacted(text)) == redacted(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text):
    assert redacted(text) == text


@pytest.mark.parametrize("spelling", ["pa/ss w0rd!", "pa%2Fss%20w0rd%21", "pa%2Fss+w0rd%21"])
def test_secrets_of_the_environment_are_hidden_however_they_are_spelled(monkeypatch, spelling):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pa/ss w0rd!")
    assert redacted(f"the server refused {spelling}") == "the server refused ***"
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    monkeypatch.setenv("https_proxy", "http://me:pa%2Fss%20w0rd%21@proxy:3128")
    assert redacted(f"the server refused {spelling}") == "the server refused ***"


def test_a_short_or_common_word_that_is_a_password_does_not_garble_messages(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "adam")
    assert redacted("optimizer=adam") == "optimizer=adam"


def test_log_records_and_their_tracebacks_hold_no_secret(monkeypatch, caplog):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    before = logging.getLogRecordFactory()
    redact_logs_and_tracebacks()
    try:
        try:
            raise ValueError(TEXTS["a URI"])
        except ValueError:
            logging.getLogger("anything").exception("could not connect to %s", TEXTS["a query"])
    finally:
        logging.setLogRecordFactory(before)
    assert SECRET not in caplog.text
    assert "ValueError: postgresql://***@host/db" in caplog.text


def test_the_first_line_of_a_journal_holds_no_secret(tmp_path):
    with Journal(tmp_path) as journal:
        journal.log_run("name", {"x": TEXTS["a URI"]}, {"y": TEXTS["a header"]}, {"uri": TEXTS["a query"]})
    assert SECRET not in (tmp_path / "journal.jsonl").read_text()


@pytest.mark.parametrize(
    "override",
    [
        f"tracking.uri=http://me:{SECRET}@host",
        f"data.mirrors=[https://me:{SECRET}@host]",
        f"+hydra.job.env_set.MLFLOW_TRACKING_PASSWORD={SECRET}",
        f"+hydra.job.env_set.MLFLOW_TRACKING_URI='http://me:{SECRET}@host'",
        "tracking.run_name=${oc.env:MLFLOW_TRACKING_TOKEN}",
    ],
)
def test_a_configuration_that_holds_a_secret_is_refused_without_repeating_it(monkeypatch, override):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
    with pytest.raises(UserError) as caught:
        nnexp.compose(["data=mnist", override])
    assert SECRET not in redacted(str(caught.value))
    assert "logged" in str(caught.value) or "secret" in str(caught.value)


def assert_nowhere(folder, *outputs):
    secret = re.compile(re.escape(SECRET).encode())
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    assert files
    assert [str(path) for path in files if secret.search(path.read_bytes())] == []
    for output in outputs:
        assert SECRET not in output, output


def test_a_failing_run_writes_no_secret(alone, monkeypatch, no_upload):
    def fail(*arguments, **options):
        raise RuntimeError(f"{TEXTS['a URI']} and {TEXTS['a header']}")

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{SECRET}@127.0.0.1:9")
    monkeypatch.setattr(sys, "argv", ["nnexp", f"x=http://me:{SECRET}@host", f"y.token={SECRET}"])
    monkeypatch.setattr(experiment, "train", fail)
    with pytest.raises(RuntimeError):
        nnexp.run(nnexp.compose(["data=digits", "trainer.epochs=1"]), display="quiet")
    assert_nowhere(alone / "outputs")
    assert list((alone / "outputs").rglob("error.txt"))


def test_a_run_a_sweep_and_a_later_upload_show_and_write_no_secret(alone, server):
    name_and_password = f"me:{SECRET}@"
    dead = f"http://{name_and_password}127.0.0.1:9"
    living = f"http://{name_and_password}127.0.0.1:{server}"
    proxy = {"http_proxy": f"http://{name_and_password}127.0.0.1:9", "no_proxy": "127.0.0.1"}
    settings = os.environ | proxy | {"MLFLOW_TRACKING_TOKEN": "", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}

    def nnexp_at(uri, *arguments):
        command = [sys.executable, "-m", "nnexp", *arguments]
        variables = settings | {"MLFLOW_TRACKING_URI": uri}
        done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
        return done.stdout + done.stderr

    small = ["data=digits", "trainer.epochs=1", "trainer.threads=1"]
    outputs = [nnexp_at(dead, *small), nnexp_at(living, "-m", *small, "seed=1,2"), nnexp_at(dead, "sync")]
    assert "not uploaded" in outputs[0] or "nnexp sync" in outputs[0], outputs[0]
    assert "2 of 2 finished" in outputs[1]
    assert_nowhere(alone, *outputs)
