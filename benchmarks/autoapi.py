"""AutoAPI beside FastAPI, over real sockets at one core each: ``python benchmarks/autoapi.py``.

Needs wrk, and ``pip install fastapi uvicorn httptools uvloop pydantic``. Both serve the same pydantic model, from a
dictionary. Rounds are interleaved, so that a slow moment of the machine falls on everybody; the figures are medians
of the processor time of the server for each request. Take the ratios: the machine matters.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID, uuid4

ROOT = Path(__file__).resolve().parent.parent
HUNDRED = [str(UUID(int=number)) for number in range(1, 101)]
SCENES = {"one": f"/todo/{HUNDRED[0]}", "list": "/todo/", "create": "/todo/"}
BARS = {"one": 0.5, "list": 0.5, "create": 0.6}
POST = """
wrk.method, wrk.headers["Content-Type"] = "POST", "application/json"
wrk.body = '{"title": "buy milk", "completed": false, "order": 5, "labels": ["shop", "home"]}'
"""


def __getattr__(name: str) -> object:
    made = {"ours": make_ours, "theirs": make_theirs}.get(name)
    if made is None:
        raise AttributeError(name)
    return made()


def make_model() -> type:
    """Return the model of both."""
    from pydantic import BaseModel, Field

    class Todo(BaseModel):
        id: UUID = Field(default_factory=uuid4)
        title: str = Field(min_length=1, max_length=40)
        completed: bool = False
        order: int | None = Field(default=None, ge=0)
        labels: list[str] = Field(default_factory=list)

    return Todo


def make_ours() -> object:
    """Return our application."""
    from brubeck_wsgi import Brubeck
    from brubeck_wsgi.autoapi import AutoAPIBase
    from brubeck_wsgi.queryset import DictQueryset

    model = make_model()
    store = DictQueryset(model=model)
    store.create_many([model(id=one, title=f"todo {one[-3:]}", order=1, labels=["a"]) for one in HUNDRED])
    app = Brubeck()
    app.register_api(type("TodoAPI", (AutoAPIBase,), {"model": model, "queries": store}))
    return app


def make_theirs() -> object:
    """Return FastAPI's application."""
    from fastapi import FastAPI, HTTPException

    model = make_model()
    todos = {UUID(one): model(id=one, title=f"todo {one[-3:]}", order=1, labels=["a"]) for one in HUNDRED}
    app = FastAPI()

    async def read_one(id: UUID):
        if id not in todos:
            raise HTTPException(404)
        return todos[id]

    async def read_list(limit: int = 100):
        return list(todos.values())[:limit]

    async def create(todo):
        todos[todo.id] = todo
        return todo

    create.__annotations__["todo"] = model
    read_one.__annotations__["id"] = UUID
    read_list.__annotations__["limit"] = int
    app.get("/todo/{id}", response_model=model)(read_one)
    app.get("/todo/", response_model=list[model])(read_list)
    app.post("/todo/", response_model=model, status_code=201)(create)
    return app


@contextmanager
def served(name: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Serve one of the applications at core 0."""
    bin_folder = Path(sys.executable).parent
    commands = {
        "ours": [
            *(str(bin_folder / "gunicorn"), "--no-control-socket", "-k", "brubeck_wsgi.workers.GeventWorker"),
            *("-b", f"127.0.0.1:{port}", "benchmarks.autoapi:ours"),
        ],
        "theirs": [
            *(str(bin_folder / "uvicorn"), "--loop", "uvloop", "--http", "httptools", "--no-access-log"),
            *("--log-level", "warning", "--port", str(port), "benchmarks.autoapi:theirs"),
        ],
    }
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    command = ["taskset", "-c", "0", *commands[name]]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until_answered(port)
        yield process
    finally:
        process.terminate()
        process.wait(20)


def wait_until_answered(port: int) -> None:
    """Return when the server answers."""
    for _ in range(200):
        try:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            client.request("GET", SCENES["one"])
            answer = client.getresponse()
            assert json.loads(answer.read())["id"] == HUNDRED[0]
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server does not answer")


def processor_seconds(process: subprocess.Popen[bytes]) -> float:
    """Return what a server and its workers have used so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == process.pid or int(fields[1]) == process.pid:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def load(process: subprocess.Popen[bytes], port: int, scene: str, seconds: float, script: Path) -> float:
    """Return how many microseconds of processor time a request takes."""
    options = ["-s", str(script)] if scene == "create" else []
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c32", f"-d{seconds}s", *options]
    before = processor_seconds(process)
    output = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{SCENES[scene]}"], capture_output=True, text=True
    ).stdout
    used = processor_seconds(process) - before
    requests = re.search(r"(\d+) requests in", output)
    assert requests, output
    assert "Non-2xx" not in output, output
    return used / int(requests[1]) * 1e6


def main() -> None:
    """Measure, and print a table."""
    sys.path.insert(0, str(ROOT / "tests"))
    from servers import free_port

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1)
    options = parser.parse_args()
    found: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "post.lua")
        script.write_text(POST)
        for scene in SCENES:  # anew for each: what was created before would be in the way
            with ExitStack() as stack:
                ports = {name: free_port() for name in ("ours", "theirs")}
                servers = {name: stack.enter_context(served(name, port)) for name, port in ports.items()}
                for _ in range(options.rounds):
                    for name, process in servers.items():
                        figure = load(process, ports[name], scene, options.seconds, script)
                        found.setdefault((scene, name), []).append(figure)
    for scene, bar in BARS.items():
        ours, theirs = (statistics.median(found[scene, name]) for name in ("ours", "theirs"))
        print(f"{scene:8} ours {ours:7.1f} µs   FastAPI {theirs:7.1f} µs   {ours / theirs:.2f} (at most {bar})")


if __name__ == "__main__":
    main()
