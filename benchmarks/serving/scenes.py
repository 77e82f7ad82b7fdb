"""What is measured of which servers, and the bars that ours have to pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serving.load import BROWSER, Load
from serving.servers import SERVERS, Wanted

OURS = ("brubeck-gevent", "brubeck-eventlet")
GUNICORNS = tuple(name for name in SERVERS if name.startswith("gunicorn"))
OTHERS = tuple(name for name in SERVERS if name not in (*OURS, *GUNICORNS))
MEMORY = {"": "glibc's memory settings as they are", "-kept": "glibc told to keep memory"}
CROWD = 9_500


@dataclass(frozen=True)
class Bar:
    """What a figure of one server has to be.

    Attributes:
        server: whose figure.
        figure: the name of a column: ``"µs"``, ``"requests/s"``, ``"bytes"``, ``"p99 ms"`` or ``"failures"``.
        base: the server whose figure it is divided by; ``""`` for none.
        limit: the most that it may be.
        is_least: whether *limit* is the least that it may be instead.
    """

    server: str
    figure: str
    base: str
    limit: float
    is_least: bool = False


@dataclass(frozen=True)
class Scene:
    """One thing to measure.

    Attributes:
        title: what it is, in words.
        kind: how it is measured: ``"load"``, ``"crowd"`` or ``"restarts"``.
        wanted: of the server.
        load: of the client; beside the crowd, or while the server restarts.
        without: servers that cannot do it.
        bars: what ours have to be.
        path: what each of a crowd asks for.
        restarts: how often the server is told to restart; 0 if it does so of itself.
    """

    title: str
    kind: str = "load"
    wanted: Wanted = Wanted()  # noqa: RUF009  # it is frozen
    load: Load = Load()  # noqa: RUF009  # the same
    without: Sequence[str] = ()
    bars: Sequence[Bar] = ()
    path: str = ""
    restarts: int = 0


def _each(figure: str, base: str, limit: float, is_least: bool = False) -> list[Bar]:
    return [Bar(server, figure, base, limit, is_least) for server in OURS]


def _hello(
    connections: int, headers: Sequence[str], script: Sequence[str] = (), kind: str = "", bars: Sequence[Bar] = ()
) -> Scene:
    kind = kind or ("a browser's headers" if headers else "bare")
    return Scene(f"hello, {connections} connections, {kind}", load=Load(connections, headers, script), bars=bars)


SCENES = {
    "bare-1": _hello(1, ()),
    "bare-64": _hello(64, ()),
    "bare-512": _hello(512, ()),
    "browser-1": _hello(1, BROWSER),
    "browser-64": _hello(
        64,
        BROWSER,
        bars=[
            Bar("brubeck-gevent", "µs", "gunicorn-gevent", 0.11),
            Bar("brubeck-gevent", "µs", "granian", 0.75),
            Bar("brubeck-gevent", "µs", "bjoern", 1.1),
            Bar("brubeck-eventlet", "µs", "gunicorn-gevent", 0.13),
            *_each("requests/s", "gunicorn-gevent", 6, is_least=True),
        ],
    ),
    "browser-512": _hello(512, BROWSER),
    "paths-64": _hello(64, BROWSER, ["paths.lua"], "every path different"),
    "different-64": _hello(64, BROWSER, ["different.lua"], "every head different"),
    "log-64": Scene(
        "hello, 64 connections, a browser's headers, access log to a file",
        wanted=Wanted(logs_access=True),
        load=Load(64, BROWSER),
        without=("bjoern", "canned"),
        bars=_each("µs", "gunicorn-gevent", 0.25),
    ),
    "new-64": Scene(
        "hello, 64 at a time, a new connection each",
        load=Load(64, ["Connection: close"]),
        bars=_each("µs", "gunicorn-gevent", 0.2),
    ),
    "sleep-64": Scene(
        "a handler that sleeps 1 ms, 64 connections",
        wanted=Wanted("sleep", threads=64),
        load=Load(64, BROWSER),
        without=("bjoern", "canned"),
        bars=_each("µs", "gunicorn-gevent", 0.17),
    ),
    "post-1k": Scene(
        "POST of 1 KiB, 64 connections",
        wanted=Wanted("post"),
        load=Load(64, script=["post.lua", "1024"]),
        without=("canned",),
    ),
    **{
        f"post-1m{suffix}": Scene(
            f"POST of 1 MiB, 16 connections, {memory}",
            wanted=Wanted("post", keeps_memory=bool(suffix)),
            load=Load(16, script=["post.lua", str(1 << 20)]),
            without=("canned",),
            bars=_each("µs", "granian", 1.0),
        )
        for suffix, memory in MEMORY.items()
    },
    **{
        f"answer-1m{suffix}": Scene(
            f"answer of 1 MiB, 16 connections, {memory}",
            wanted=Wanted("answer", keeps_memory=bool(suffix)),
            load=Load(16),
            without=("canned",),
            bars=_each("µs", "granian", 1.0),
        )
        for suffix, memory in MEMORY.items()
    },
    "stream": Scene(
        "a stream of 100 chunks of 100 bytes, 64 connections",
        wanted=Wanted("stream"),
        load=Load(64),
        without=("canned",),
        bars=_each("µs", "granian", 1.0),
    ),
    "idle": Scene(
        f"{CROWD} idle connections, and hello on 64 beside them",
        kind="crowd",
        wanted=Wanted("crowd"),
        without=("canned",),
        path="/",
        bars=[*_each("bytes", "", 2560), *_each("p99 ms", "", 50)],
    ),
    "waiting": Scene(
        f"{CROWD} handlers that wait, and hello on 64 connections beside them",
        kind="crowd",
        wanted=Wanted("crowd", threads=CROWD + 64),
        without=("bjoern", "canned", "gunicorn-gthread"),
        path="/wait",
        bars=[*_each("bytes", "", 12 * 1024), *_each("p99 ms", "", 50)],
    ),
    **{
        f"hup-{workers}": Scene(
            f"20 restarts by HUP under 64 keep-alive connections, workers: {workers}",
            kind="restarts",
            wanted=Wanted(workers=workers),
            without=(*OTHERS, "gunicorn-pywsgi"),  # which takes all of its graceful timeout, each time
            restarts=20,
            bars=_each("failures", "", 0),
        )
        for workers in (1, 2)
    },
    **{
        f"max-requests-{workers}": Scene(
            f"max_requests=200 under 64 keep-alive connections, workers: {workers}",
            kind="restarts",
            wanted=Wanted(workers=workers, most_requests=200),
            without=OTHERS,
            bars=_each("failures", "", 0),
        )
        for workers in (1, 2)
    },
}
