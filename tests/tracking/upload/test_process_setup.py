"""What an upload process does to itself."""

import importlib
import sys

import pytest

from nnexp.tracking.upload import process_setup
from nnexp.tracking.upload.process_setup import remember_absent_modules


def test_a_module_that_is_not_installed_is_searched_for_only_once(monkeypatch):
    monkeypatch.setattr(process_setup, "ABSENT", ("absent_module", "json"))
    monkeypatch.setitem(sys.modules, "absent_module", sys)
    del sys.modules["absent_module"]
    remember_absent_modules()
    searched = []
    monkeypatch.setattr(sys, "meta_path", [searched])
    with pytest.raises(ImportError, match="absent_module"):
        importlib.import_module("absent_module")
    assert searched == []
    assert importlib.import_module("json").loads("1") == 1
