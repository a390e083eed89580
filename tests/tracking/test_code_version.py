"""The version of the code is that of the sources that learn, committed or not, and of plug-ins."""

import sys

import pytest

from nnexp.tracking import code_version
from nnexp.tracking.code_version import code_sha256


@pytest.fixture(autouse=True)
def uncached():
    code_version._sha256.cache_clear()
    yield
    code_version._sha256.cache_clear()


def test_a_change_of_a_plug_in_changes_the_version(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "plugin_of_mine").mkdir()
    module = tmp_path / "plugin_of_mine" / "__init__.py"
    versions = set()
    for text in ("a = 1\n", "a = 2\n"):
        module.write_text(text)
        code_version._sha256.cache_clear()
        versions.add(code_sha256(["plugin_of_mine"]))
    assert len(versions | {code_sha256()}) == 3


def test_what_does_not_learn_is_not_in_the_version(tmp_path, monkeypatch):
    for name in ("optim/adam.py", "plots/style.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("a = 1\n")
    monkeypatch.setattr(code_version, "NNEXP", tmp_path)
    versions = []
    for name in ("plots/style.py", "optim/adam.py"):
        (tmp_path / name).write_text("a = 2\n")
        code_version._sha256.cache_clear()
        versions.append(code_sha256())
    assert versions[0] != versions[1]
    (tmp_path / "plots/style.py").write_text("a = 3\n")
    code_version._sha256.cache_clear()
    assert code_sha256() == versions[1]


def test_a_plug_in_that_is_missing_has_no_sources():
    assert code_sha256(["no_such_package"]) == code_sha256()
