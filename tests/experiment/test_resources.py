"""A run says how much memory and disk it needs where that is more than there is, before it takes any."""

import pytest
from fixtures.components import components

from nnexp.config import ConfigError, build, compose
from nnexp.experiment import resources
from nnexp.experiment.components import build_components
from nnexp.experiment.resources import check_disk, in_bytes, state_vectors

GIB = 1 << 30
HUGE = ["data=digits", "model.hidden=[1000000,1000000]"]
LARGE = ["data=digits", "model.hidden=[3000,3000]"]  # about 9 million parameters


def test_a_network_that_cannot_fit_is_one_error_with_numbers():
    with pytest.raises(
        ConfigError, match=r"about 21\.\d+ TiB of memory for 1,000,076,000,010 parameters, and there"
    ):
        components(*HUGE[1:])


def test_less_free_memory_than_needed_is_a_warning(monkeypatch):
    monkeypatch.setattr(resources, "memory", lambda: (GIB, GIB // 16))
    said = []
    build_components(build(compose(LARGE)), warn=lambda label, text: said.append(text))
    assert len(said) == 1
    assert "and 64 MiB is free" in said[0]


def test_enough_memory_is_no_word(monkeypatch):
    monkeypatch.setattr(resources, "memory", lambda: (None, None))
    said = []
    build_components(build(compose(LARGE)), warn=lambda label, text: said.append(text))
    assert said == []


def test_less_free_disk_than_needed_is_a_warning(monkeypatch, tmp_path):
    made = components()
    said = []
    for free in (GIB, 1 << 20):
        monkeypatch.setattr(resources, "disk_usage", lambda _, free=free: type("Usage", (), {"free": free}))
        check_disk(build(compose(["data=digits"])), made.network, tmp_path, lambda _, text: said.append(text))
    assert len(said) == 1
    assert "and 1 MiB is free on the disk of" in said[0]


@pytest.mark.parametrize(
    ("overrides", "vectors"),
    [(["optimizer=sgd"], 0), (["optimizer=momentum"], 1), (["optimizer=adam"], 2), (["averaging=ema"], 3)],
)
def test_the_state_of_an_optimizer_and_an_average_is_measured(overrides, vectors):
    assert round(state_vectors(build(compose(["data=digits", *overrides])))) >= vectors


def test_bytes_are_formatted_in_binary_units():
    assert [in_bytes(size) for size in (0, 1023, 1 << 20, 1.5 * GIB, 21.8 * 1024 * GIB)] == [
        "0 bytes",
        "1023 bytes",
        "1 MiB",
        "1.5 GiB",
        "21.8 TiB",
    ]
