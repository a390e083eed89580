"""The actor of a worker on a Ray cluster, without Ray."""

import os
import signal

from nnexp.sweeps.execution.workers import ray_actor


def test_an_actor_dies_with_the_process_of_its_node(monkeypatch):
    parents = iter([7, 7, 1])
    killed = []
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(os, "kill", lambda *arguments: killed.append(arguments))
    monkeypatch.setattr(ray_actor, "PARENT_INTERVAL", 0.0)
    ray_actor.die_with(7)
    assert killed == [(os.getpid(), signal.SIGKILL)]
    assert next(parents, None) is None
