"""Servers behind TLS: a private authority, and what goes wrong, each explained in a line."""

import shutil
import ssl
import subprocess

import pytest

from nnexp import compose, run
from nnexp.cli.commands.runs import main as list_runs
from nnexp.experiment.upload_process import upload_callbacks
from nnexp.runs.query import Runs
from nnexp.tracking.mlflow.store_errors import StoreError, explain_error
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.upload.sync import upload


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A private authority, and a certificate of it for 127.0.0.1: their files."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("tls")

    def call(*arguments):
        subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)

    new = ["req", "-newkey", "rsa:2048", "-nodes"]
    authority = ["-subj", "/CN=private authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    call(*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", *authority)
    call(*new, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n")
    signing = ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    call(*signing, "-out", "server.pem", "-days", "2", "-extfile", "names")
    return folder


@pytest.fixture
def tls(proxy, certificates, monkeypatch):
    """The server behind TLS from a private authority."""
    proxy.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    proxy.tls.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    proxy.open()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.uri)
    return proxy


def test_a_certificate_of_an_unknown_authority_is_explained_with_the_variables(tls):
    with pytest.raises(StoreError) as error:
        list_runs([])
    assert "MLFLOW_TRACKING_SERVER_CERT_PATH (or REQUESTS_CA_BUNDLE)" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE"])
def test_a_run_arrives_over_tls_once_the_authority_is_known(
    tls, certificates, monkeypatch, variable, no_upload
):
    monkeypatch.setenv(variable, str(certificates / "ca.pem"))
    folder = run(compose(["data=digits", "trainer.epochs=2", f"tracking.experiment={tls.port}"])).folder
    assert upload(folder, upload_callbacks()).error == ""
    assert UploadState.load(folder).done


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verification_can_be_turned_off(tls, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
    Runs().select(top=1)


def test_a_certificate_for_another_host_is_explained(tls, certificates, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificates / "ca.pem"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tls.uri.replace("127.0.0.1", "localhost"))
    with pytest.raises(StoreError, match="its TLS certificate is for another host name"):
        list_runs([])


def test_a_proxy_that_does_not_answer_is_explained(proxy, monkeypatch):
    proxy.open()
    for variable in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(StoreError, match="the proxy of HTTP_PROXY or HTTPS_PROXY does not answer"):
        list_runs([])


@pytest.mark.parametrize(
    ("scheme", "opened", "message"),
    [
        ("https", False, "the address should begin with http://"),
        ("http", True, "is the address right, http:// or https://?"),
    ],
)
def test_the_wrong_scheme_is_explained(proxy, certificates, monkeypatch, scheme, opened, message):
    if opened:
        proxy.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        proxy.tls.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    proxy.open()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{scheme}://127.0.0.1:{proxy.port}")
    with pytest.raises(StoreError) as error:
        list_runs([])
    assert message in str(error.value)


def test_a_certificate_file_that_is_missing_is_explained(tls, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/nowhere/ca.pem")
    with pytest.raises(StoreError, match="names no file"):
        list_runs([])


@pytest.mark.parametrize(
    "missing", ["CA cert does not include key usage extension", "Missing Authority Key Identifier"]
)
def test_an_extension_that_a_certificate_lacks_is_explained(missing):
    error = ssl.SSLError(
        f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {missing} (_ssl.c:1032)"
    )
    assert "lacks an extension that Python 3.13 requires" in explain_error("https://localhost", error)
