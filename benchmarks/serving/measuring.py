"""How a scene is measured on one running server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from serving.load import Wrk, run_wrk
from serving.scenes import CROWD, Scene
from serving.servers import Running

WARM_UP_SECONDS = 1
RESTART_SECONDS = 40  # Gunicorn tells a worker again after 30

Figures = dict[str, float]
"""What one server did in one round, by the names of the columns of the table."""


def measure_load(scene: Scene, server: Running, seconds: float) -> Figures:
    """Return processor time per request, and requests per second."""
    run_wrk(server.port, scene.load, WARM_UP_SECONDS)
    before = server.processor_seconds()
    result = run_wrk(server.port, scene.load, seconds)
    used = server.processor_seconds() - before
    return {
        "µs": used / max(result.requests, 1) * 1e6,
        "requests/s": result.requests / result.seconds,
        "failures": result.failures,
    }


def measure_crowd(scene: Scene, server: Running, seconds: float) -> Figures:
    """Return the memory of each of a crowd of connections, and what hello is like beside them."""
    run_wrk(server.port, scene.load, WARM_UP_SECONDS)  # after it, what all connections share is there
    before = server.memory_bytes()
    crowd = subprocess.Popen(
        [sys.executable, "-m", "serving.crowd", str(server.port), str(CROWD), scene.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parent.parent,
    )
    with crowd:
        if not crowd.stdout.readline():
            raise RuntimeError(f"expected {CROWD} connections to be served")
        memory = server.memory_bytes() - before
        result = run_wrk(server.port, scene.load, seconds)
        crowd.kill()
    return {
        "bytes": memory / CROWD,
        "p99 ms": result.p99_seconds * 1e3,
        "requests/s": result.requests / result.seconds,
        "failures": result.failures,
    }


def measure_restarts(scene: Scene, server: Running, seconds: float) -> Figures:
    """Return how many requests failed while workers ended and others took over."""
    with Wrk(server.port, scene.load, scene.restarts * RESTART_SECONDS or seconds) as wrk:
        for _ in range(scene.restarts):
            _restart(server)
        if scene.restarts:
            wrk.stop()
        result = wrk.result()
    return {
        "requests": result.requests,
        "requests/s": result.requests / result.seconds,
        "failures": result.failures,
    }


MEASURES = {"load": measure_load, "crowd": measure_crowd, "restarts": measure_restarts}


def _restart(server: Running) -> None:
    """Tell the server to replace its workers, and wait until it has."""
    old = server.processes().keys() - {server.pid}
    os.kill(server.pid, signal.SIGHUP)
    deadline = time.monotonic() + RESTART_SECONDS
    while True:
        workers = server.processes().keys() - {server.pid}
        if workers and not workers & old:
            return server.ask()  # told to stop before it has begun, a worker might miss it
        if time.monotonic() > deadline:
            raise TimeoutError(f"expected other workers than {old} within {RESTART_SECONDS} seconds")
        time.sleep(0.02)
