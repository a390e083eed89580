import pytest

from nnexp.tracking.mlflow.store_errors import StoreError
from nnexp.tracking.mlflow.uris import check_uri, store_type

KINDS = {"sqlite:///mlruns/mlflow.db": "sqlite", "https://host:5000": "server"}
KINDS |= dict.fromkeys(("postgresql+psycopg2://me@host/x", "mysql://host/x"), "database")
KINDS |= dict.fromkeys(("databricks", "databricks://profile"), "other")


@pytest.mark.parametrize(("uri", "expected"), KINDS.items())
def test_a_uri_that_mlflow_takes_is_valid(uri, expected):
    check_uri(uri)
    assert store_type(uri) == expected


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("nowhere", "nowhere: no such store; expected e.g. sqlite:///mlruns/mlflow.db"),
        ("here", "here is a folder of files, which MLflow 3.13 and later refuse; expected"),
        ("file:///there", "file:///there is a folder of files"),
        ("a.db", "a.db is a file, not a tracking URI; did you mean sqlite:///a.db?"),
        ("sqlite://a.db", "three slashes"),
        ("postgres://me:secret@host/x", "unknown scheme postgres://; did you mean postgresql://?"),
        ("ftp2000://x", "unknown scheme ftp2000://"),
    ],
)
def test_an_invalid_uri_is_an_error_with_a_remedy_and_without_a_password(uri, message, alone):
    (alone / "here").mkdir()
    (alone / "a.db").touch()
    with pytest.raises(StoreError) as error:
        check_uri(uri)
    assert message in str(error.value)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_folders_of_files_are_valid_if_the_environment_allows_them(monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    check_uri("mlruns")
