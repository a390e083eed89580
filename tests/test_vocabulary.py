"""Identifiers, docstrings, messages, plots, YAML comments and pages use the field's standard terms."""

import io
import re
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[1]
HERE = Path(__file__)
IDENTIFIERS = {
    *(
        "dealt",
        "door",
        "forsaken",
        "found",
        "house",
        "ink",
        "judge",
        "judged",
        "judgement",
        "ledger",
        "merit",
    ),
    *("mend", "mended", "nobody", "painter", "part", "parts", "shipment", "shipper", "somebody", "sureness"),
    *("tell", "tells", "told", "verdict", "whoever"),
}
"""Words that no identifier contains."""
PROSE = re.compile(
    r"\b(door|forsaken|house|in the midst|ink|judge[ds]?|judging|judgement|likewise|mend(s|ed|ing)?|nobody|"
    r"put off|somebody|tells?|telling|told|verdict|whoever)\b",
    re.IGNORECASE,
)
"""Words that no docstring, comment, message, plot, YAML comment or page contains."""
OF_LIBRARIES = ("parts", "tell")
"""Attributes that pathlib and Optuna have named."""
FILES = [path for folder in ("nnexp", "tests") for path in (ROOT / folder).rglob("*.py")]
PYTHON = sorted(path for path in FILES if path != HERE)
PAGES = ["README.md", "pyproject.toml", "conf/**/*.yaml", "nnexp/**/*.html*", ".github/*.md"]


def words_of(identifier):
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)}


def banned_in(path):
    """Return line and word of everything that is banned in a Python file."""
    previous = ""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        is_of_library = token.string in OF_LIBRARIES and previous == "."
        previous = token.string
        if token.type == tokenize.NAME and words_of(token.string) & IDENTIFIERS and not is_of_library:
            yield token.start[0], token.string
        elif token.type in (tokenize.STRING, tokenize.COMMENT):
            for match in PROSE.finditer(token.string):
                yield token.start[0] + token.string[: match.start()].count("\n"), match[0]


def test_python_uses_the_standard_vocabulary():
    assert len(PYTHON) > 200
    uses = {str(path.relative_to(ROOT)): list(banned_in(path)) for path in PYTHON}
    assert {path: words for path, words in uses.items() if words} == {}


def test_yaml_and_pages_use_the_standard_vocabulary():
    paths = [path for pattern in PAGES for path in ROOT.glob(pattern)]
    assert len(paths) > 80
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for match in PROSE.finditer(line)
    ]
    assert lines == []


def test_the_vocabulary_test_finds_banned_words(tmp_path):
    path = tmp_path / "example.py"
    path.write_text('"""What is told."""\n\nfound_it = 1  # nobody mends it\n')
    assert [word for _, word in banned_in(path)] == ["told", "found_it", "nobody", "mends"]
