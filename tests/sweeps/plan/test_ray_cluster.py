"""The address of a Ray cluster."""

import socket

import pytest

from nnexp.errors import UserError
from nnexp.sweeps.plan.ray_cluster import check_address


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_that_does_not_answer_is_named_with_the_remedy(scheme, free_port):
    address = f"{scheme}127.0.0.1:{free_port()}"
    with pytest.raises(UserError, match=f"ray.init.address={address}: expected HOST:PORT .*; fix: start one"):
        check_address(address)


@pytest.mark.parametrize("address", ["", "auto", "local"])
def test_addresses_that_ray_resolves_are_left_to_it(address):
    check_address(address)


def test_an_address_that_answers_is_accepted():
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_address(f"127.0.0.1:{server.getsockname()[1]}")
