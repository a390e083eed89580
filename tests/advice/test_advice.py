"""All advice that is printed is accepted when it is typed.

Each module `cases_<area>.py` beside this one has a list `CASES`. The command of a case fails with a message
that states the problem and offers exactly the case's advice; then it runs with each alternative in turn.
"""

import shlex
from importlib import import_module
from pathlib import Path

import pytest
from advice.advice import Case, followed, printed_advice
from fixtures.third_party import accepts_warnings
from hydra.core.hydra_config import HydraConfig

from nnexp.__main__ import main
from nnexp.cli.help import COMMANDS

pytestmark = accepts_warnings
AREAS = sorted(path.stem for path in Path(__file__).parent.glob("cases_*.py"))
CASES: list[Case] = [case for area in AREAS for case in import_module(f"advice.{area}").CASES]
QUICK = ["trainer.epochs=1", "tracking=none"]


def run(arguments: list[str]) -> int:
    is_command = bool(arguments) and arguments[0] in COMMANDS
    given = {argument.partition("=")[0] for argument in arguments}
    return main(
        arguments if is_command else [*arguments, *(o for o in QUICK if o.partition("=")[0] not in given)]
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.command)
def test_advice_is_accepted(case, alone, capfd):
    if "hydra/sweeper=optuna" in case.command:
        pytest.importorskip("optuna", reason="needs Optuna: pip install -e '.[search]'")
    for name, content in case.files.items():
        path = alone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    HydraConfig.instance().cfg = None  # as in a new process
    assert run(shlex.split(case.command)) == case.exit_code
    printed = capfd.readouterr()
    message = printed.err if case.exit_code else printed.out  # a note
    assert case.problem in message
    assert "Traceback" not in message
    assert printed_advice(message) == list(case.advice)
    for advice in case.advice:
        code = run(followed(case.command, advice))
        assert code == 0, f"{advice}\n{capfd.readouterr().err}"


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("wrong; fix: data.drop=[a,b], or correct it", ["data.drop=[a,b]"]),
        ("wrong; fix: correct the value, or set 'data.drop=[\"a b\"]'", ["'data.drop=[\"a b\"]'"]),
        ("wrong; fix: data.a=1 loss=huber or data.b=2", ["data.a=1 loss=huber", "data.b=2"]),
        ("wrong; fix: nnexp data=digits seed=1", ["nnexp data=digits seed=1"]),
        ("wrong; fix: write the names in the first line", []),
    ],
)  # fmt: skip
def test_advice_is_what_can_be_typed_after_fix(message, advice):
    assert printed_advice(message) == advice
