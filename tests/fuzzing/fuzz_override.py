"""Any override is parsed, or explained in words: the parsing before a configuration is composed."""

from contextlib import suppress

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from nnexp.config.overrides.limits import beyond_limits
from nnexp.config.overrides.syntax import explain_several, explain_syntax
from nnexp.config.overrides.text import rewrite, split_items

SEEDS = [
    b"data.drop=[a,b,'c d']",
    b"optimizer={lr:1,b:[2,{c:d}]}",
    b"seed=choice(1,2),range(1,5)",
    b"+a.b@c=\"x\\\"y\"",
    b"~seed",
    b"tracking.run_name='${oc.env:HOME}-${seed}'",
    b"data.path=C:\\a (1).csv",
    "data.target=größe".encode(),
]  # fmt: skip


def check(content: bytes) -> None:
    text = content.decode(errors="replace")
    if beyond_limits([text]):
        return
    assert split_items(text)
    for annotation in (None, str, float, list[str]):
        written = rewrite(text, annotation, sweep=bool(annotation))
        explain_several(text, annotation)
        try:
            override = OverridesParser.create().parse_override(written)
        except HydraException as error:
            assert explain_syntax(written, error, annotation).startswith("cannot be parsed")  # noqa: PT017
            continue
        if not override.is_sweep_override():
            with suppress(HydraException):
                override.value()
