"""What fuzzing has reached stays right: each file of corpus/FORMAT is checked as fuzz_FORMAT.py does."""

import random
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HERE = Path(__file__).parent
FORMATS = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))


def target(name):
    return import_module(f"fuzzing.fuzz_{name}")


@pytest.mark.parametrize("name", FORMATS)
def test_seeds_and_past_findings_are_handled(name):
    kept = [path.read_bytes() for path in sorted((HERE / "corpus" / name).glob("*"))]
    for content in (*target(name).SEEDS, *kept, b""):
        target(name).check(content)


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1 << 32))
def test_mutations_of_valid_content_are_handled(name, seed):
    mutate_and_check(name, seed)


@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_many_mutations_are_handled(name):
    for seed in range(100_000):
        mutate_and_check(name, seed)


def mutate_and_check(name, seed):
    """Change, remove, repeat or exchange some bytes of a seed, and check what comes of it."""
    choice = random.Random(seed)
    content = bytearray(choice.choice(target(name).SEEDS))
    for _ in range(choice.randint(1, 4)):
        start = choice.randrange(len(content) + 1)
        end = min(len(content), start + choice.choice((0, 1, 1, 2, 4, 16)))
        content[start:end] = choice.choice(
            (
                choice.randbytes(end - start),
                b"",
                bytes(content[start:end]) * 2,
                b"\xff" * (end - start),
                b"0" * 9,
            )
        )
    target(name).check(bytes(content))
