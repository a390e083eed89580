"""No advice in the code is without a case: each override that the code proposes is the advice of one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from advice.test_advice import CASES

ROOT = Path(__file__).parents[2] / "nnexp"
OVERRIDE = re.compile(r"[a-z_]+(?:\.[a-z_]+)*=[^\s,;'\"]*")
FORMATTERS = ("override", "list_override", "merged_list_override")


def text_of(node: ast.AST) -> str:
    """Return a string literal, with \\0 for each value that is formatted into it; else nothing."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(value.value if isinstance(value, ast.Constant) else "\0" for value in node.values)
    return ""


def proposals(tree: ast.AST) -> Iterator[str]:
    """Yield the overrides after "fix: ", those that are settings of errors, and keys of formatted ones."""
    for node in ast.walk(tree):
        _, fix, advice = text_of(node).partition("fix: ")
        if fix:
            yield from OVERRIDE.findall(advice)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in FORMATTERS and (key := text_of(node.args[0])) and "\0" not in key:
                yield f"{key}="
            settings = [keyword.value for keyword in node.keywords if keyword.arg == "setting"]
            for setting in [*settings, *node.args[2:3]] if node.func.id == "DataError" else []:
                yield from OVERRIDE.findall(text_of(setting))


def test_every_proposed_override_is_the_advice_of_a_case():
    advice = " ".join(text for case in CASES for text in case.advice)
    missing = []
    for path in sorted(ROOT.rglob("*.py")):
        for proposal in proposals(ast.parse(path.read_text(encoding="utf-8"))):
            pattern = ".+".join(map(re.escape, proposal.rstrip(".)").split("\0")))
            if not re.search(rf"(?<![\w.]){pattern}", advice):
                missing.append(f"{path.relative_to(ROOT)}: {proposal}".replace("\0", "{}"))
    assert missing == []
