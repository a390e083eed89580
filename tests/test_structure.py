"""The layout: short files that say what they are for, folders that do not overflow."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "nnexp"
FILES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 250
MAX_FILES = 15


def test_no_file_is_too_long():
    lengths = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in FILES}
    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}


def test_a_folder_of_many_files_has_sub_folders():
    for folder in {path.parent for path in FILES}:
        sub_folders = [path for path in folder.iterdir() if (path / "__init__.py").exists()]
        assert sub_folders or len(list(folder.glob("[!_]*.py"))) <= MAX_FILES, folder


def test_every_file_says_what_it_is_for():
    undocumented = [path for path in FILES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert undocumented == []
