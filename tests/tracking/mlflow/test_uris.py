import pytest

from nnexp.tracking.mlflow.store import StoreError
from nnexp.tracking.mlflow.uris import check, fault, kind


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sqlite:///mlruns/mlflow.db", "sqlite"),
        ("postgresql+psycopg2://me@host/x", "database"),
        ("mysql://host/x", "database"),
        ("https://host:5000", "server"),
        ("databricks", "other"),
        ("databricks://profile", "other"),
    ],
)
def test_an_address_that_mlflow_takes_has_no_fault(uri, expected):
    assert (kind(uri), fault(uri)) == (expected, ("", ""))


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("nowhere", "nowhere: no such store; an address is like sqlite:///mlruns/mlflow.db"),
        ("here", "here is a folder of files, which MLflow 3.13 and later refuse; an address is like"),
        ("file:///there", "file:///there is a folder of files"),
        ("a.db", "a.db is a file, and no address; did you mean sqlite:///a.db?"),
        ("sqlite://a.db", "three slashes"),
        ("postgres://me:secret@host/x", "kind postgres://; did you mean postgresql://?"),
        ("ftp2000://x", "kind ftp2000://"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_with_a_remedy_and_no_password(uri, says, alone):
    (alone / "here").mkdir()
    (alone / "a.db").touch()
    with pytest.raises(StoreError) as told:
        check(uri)
    assert says in str(told.value)
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


def test_whoever_allows_folders_of_files_is_let_through(monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    check("mlruns")
