"""Advice about plug-ins."""

from advice.advice import Case

LOSS = "from nnexp.nn.losses.classification import Hinge\n\n\nclass Own(Hinge):\n    pass\n"

CASES = [
    Case(
        "data=digits loss=hinge loss._target_=advised.Own",
        "code outside nnexp runs only if its package is listed in plugins",
        ("'plugins=[advised]'",),
        {"advised.py": LOSS},
    ),
    Case(
        "data=digits plugins=[numpy] loss=hinge loss._target_=advised.Own",
        "code outside nnexp runs only if its package is listed in plugins",
        ("'plugins=[numpy,advised]'",),
        {"advised.py": LOSS},
    ),
]
