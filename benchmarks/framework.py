"""What the framework itself costs per request, beside its peers: ``python benchmarks/framework.py``.

In process, without a server: each measured call copies an environ, calls the application and takes the
answer to its end. Rounds are interleaved, so that a slow moment of the machine falls on everybody; the
figures are medians over the rounds, the ratios those of medians. Take the ratios: the machine matters.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

PARTS = ("peers", "routes", "imports")
ROUTES_SMALL, ROUTES_LARGE = 10, 10_000


def environ(path: str, query: str = "") -> dict[str, Any]:
    """Return what a server would hand over for a browser's GET."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "RAW_URI": path + (f"?{query}" if query else ""),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "benchmark",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "40000",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
        "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.5",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
        "HTTP_CONNECTION": "keep-alive",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def ours(extra: Iterable[tuple[Any, Any]] = ()) -> Any:
    """Return our application; *extra* are more routes."""
    from brubeck_wsgi import Brubeck, WebMessageHandler

    class Hello(WebMessageHandler):
        def get(self):
            return "Hello, world!"

    class Classic(WebMessageHandler):
        def get(self):
            self.set_body("Hello, world!")
            return self.render()

    class JSON(WebMessageHandler):
        def get(self):
            return {"message": "Hello, world!", "n": 5}

    class Named(WebMessageHandler):
        def get(self, name):
            return name

    class Query(WebMessageHandler):
        def get(self):
            return self.get_argument("name", "dude")

    routes = [
        ("^/hello$", Hello),
        ("^/classic$", Classic),
        ("^/json$", JSON),
        (r"^/param/(?P<name>\w+)$", Named),
        ("^/query$", Query),
    ]
    return Brubeck(handler_tuples=[*routes, *extra])


def falcon_app() -> Any:
    """Return Falcon's."""
    import falcon

    class Hello:
        def on_get(self, req, resp):
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = "Hello, world!"

    class JSON:
        def on_get(self, req, resp):
            resp.media = {"message": "Hello, world!", "n": 5}

    class Named:
        def on_get(self, req, resp, name):
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = name

    class Query:
        def on_get(self, req, resp):
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = req.get_param("name", default="dude")

    app = falcon.App()
    app.add_route("/hello", Hello())
    app.add_route("/json", JSON())
    app.add_route("/param/{name}", Named())
    app.add_route("/query", Query())
    return app


def bottle_app() -> Any:
    """Return Bottle's."""
    import bottle

    app = bottle.Bottle()
    app.route("/hello")(lambda: "Hello, world!")
    app.route("/json")(lambda: {"message": "Hello, world!", "n": 5})
    app.route(r"/param/<name:re:\w+>")(lambda name: name)
    app.route("/query")(lambda: bottle.request.query.getunicode("name", "dude"))
    return app


def flask_app() -> Any:
    """Return Flask's."""
    import flask

    app = flask.Flask("benchmark")
    app.add_url_rule("/hello", "hello", lambda: "Hello, world!")
    app.add_url_rule("/json", "json", lambda: {"message": "Hello, world!", "n": 5})
    app.add_url_rule("/param/<name>", "param", lambda name: name)
    app.add_url_rule("/query", "query", lambda: flask.request.args.get("name", "dude"))
    return app


def pyramid_app() -> Any:
    """Return Pyramid's."""
    from pyramid.config import Configurator
    from pyramid.response import Response

    with Configurator() as config:
        for name, path, view in [
            ("hello", "/hello", lambda request: Response("Hello, world!")),
            ("json", "/json", lambda request: Response(json_body={"message": "Hello, world!", "n": 5})),
            ("param", r"/param/{name:\w+}", lambda request: Response(request.matchdict["name"])),
            ("query", "/query", lambda request: Response(request.GET.get("name", "dude"))),
        ]:
            config.add_route(name, path)
            config.add_view(view, route_name=name)
        return config.make_wsgi_app()


def raw_app() -> Any:
    """Return a WSGI function that does the least: the floor."""

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/json":
            body = json.dumps({"message": "Hello, world!", "n": 5}).encode()
        else:
            body = b"Hello, world!"
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    return app


def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
    """Take the status, as a server would."""


def caller(app: Any, environs: list[dict[str, Any]], status: str = "200") -> Callable[[int], float]:
    """Return what takes a number of requests and gives the seconds that one takes.

    Raises:
        RuntimeError: the application does not answer with *status*, so that there is nothing to compare.
    """
    seen: list[str] = []
    answer = app(dict(environs[0]), lambda line, headers, exc_info=None: seen.append(line))
    b"".join(answer)
    if not seen or not seen[0].startswith(status):
        raise RuntimeError(f"expected {status} from {app!r}, got {seen}")

    def run(times: int) -> float:
        chosen = environs if len(environs) > 1 else environs * times
        chosen = [chosen[place % len(chosen)] for place in range(times)]
        started = perf_counter()
        for given in chosen:
            for _piece in (pieces := app(given.copy(), start_response)):
                pass
            if hasattr(pieces, "close"):
                pieces.close()
        return (perf_counter() - started) / times

    return run


def compare(calls: dict[str, Callable[[int], float]], rounds: int, times: int) -> dict[str, float]:
    """Return the median microseconds of each, measured in turns."""
    results: dict[str, list[float]] = {name: [] for name in calls}
    for run in calls.values():
        run(times // 4)
    for _ in range(rounds):
        for name, run in calls.items():
            results[name].append(run(times) * 1e6)
    return {name: statistics.median(values) for name, values in results.items()}


def report(title: str, medians: dict[str, float], base: str, bar: float | None = None, mine: str = "brubeck") -> None:
    """Print the medians as microseconds and as shares of *base*."""
    print(f"\n{title}")
    for name, microseconds in medians.items():
        verdict = ""
        if bar is not None and name == mine:
            verdict = f"  bar {bar}: {'met' if microseconds / medians[base] <= bar else 'NOT MET'}"
        print(f"  {name:<18} {microseconds:8.2f} µs  {microseconds / medians[base]:7.3f} of {base}{verdict}")


def peers(rounds: int, times: int) -> None:
    """Compare the four scenes with the peers."""
    apps = {
        "raw WSGI": raw_app(),
        "brubeck": ours(),
        "falcon": falcon_app(),
        "bottle": bottle_app(),
        "flask": flask_app(),
        "pyramid": pyramid_app(),
    }
    scenes = [
        ("hello, text through a class handler", environ("/hello"), 0.42),
        ("JSON object", environ("/json"), 0.5),
        ("one url parameter (ours by regular expression)", environ("/param/word"), 0.7),
        ("one query argument", environ("/query", "name=word"), 0.8),
    ]
    for title, given, bar in scenes:
        calls = {name: caller(app, [given]) for name, app in apps.items()}
        if given["PATH_INFO"] == "/hello":
            calls["brubeck, render()"] = caller(apps["brubeck"], [environ("/classic")])
        report(title, compare(calls, rounds, times), "falcon", bar)


def routes(rounds: int, times: int) -> None:
    """Compare tables of ten and of ten thousand routes, requests hitting them at random."""
    from brubeck_wsgi import WebMessageHandler

    class Fixed(WebMessageHandler):
        def get(self):
            return "Hello, world!"

    class Numbered(WebMessageHandler):
        def get(self, id):
            return "Hello, world!"

    chance = random.Random(5)
    kinds: list[tuple[str, Callable[[int], tuple[Any, Any]], Callable[[int], str]]] = [
        ("literal", lambda n: (f"^/area{n % 100}/item{n}$", Fixed), lambda n: f"/area{n % 100}/item{n}"),
        ("template", lambda n: (f"/area{n % 100}/item{n}/{{id:int}}", Numbered), lambda n: f"/area{n % 100}/item{n}/7"),
        (
            "regex",
            lambda n: (rf"^/area{n % 100}/item{n}/(?P<id>\d+)$", Numbered),
            lambda n: f"/area{n % 100}/item{n}/7",
        ),
        ("regex, no slash", lambda n: (rf"^/item{n}-(?P<id>\d+)$", Numbered), lambda n: f"/item{n}-7"),
    ]
    for kind, rule, path in kinds:
        calls, missing = {}, {}
        for count in (ROUTES_SMALL, ROUTES_LARGE):
            app = ours([rule(n) for n in range(count)])
            hit = [environ(path(chance.randrange(count))) for _ in range(times)]
            calls[f"{count} routes"] = caller(app, hit)
            lost = [environ(path(chance.randrange(count)) + "/nowhere") for _ in range(times)]
            missing[f"{count} routes"] = caller(app, lost, "404")
        small, large = f"{ROUTES_SMALL} routes", f"{ROUTES_LARGE} routes"
        report(f"{kind} routes, hit at random", compare(calls, rounds, times), small, 1.25, large)
        report(f"{kind} routes, a missing path", compare(missing, rounds, times), small, 1.5, large)


def imports(rounds: int) -> None:
    """Compare how long starting Python with an import takes, less starting it without."""
    commands = {"bare": "pass", "brubeck": "import brubeck_wsgi", "flask": "import flask"}
    # Both compiled beforehand, whatever this shell says of that.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    results: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, command in commands.items():
            started = perf_counter()
            subprocess.run([sys.executable, "-c", command], check=True, env=environ)
            results[name].append((perf_counter() - started) * 1e6)
    medians = {name: statistics.median(values[1:]) for name, values in results.items()}
    net = {name: medians[name] - medians["bare"] for name in ("brubeck", "flask")}
    report("import, less bare Python", net, "flask", 0.5)
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, brubeck_wsgi; print([m for m in ('gevent', 'eventlet', 'greenlet') if m in sys.modules])",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    print(f"  hubs loaded by importing brubeck_wsgi: {loaded.stdout.strip()}")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", metavar="PART", help="peers, routes, imports (default: all)")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--times", type=int, default=10_000, help="requests a round")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"expected some of {', '.join(PARTS)}, got {', '.join(sorted(unknown))}")
    parts = options.parts or PARTS
    if "peers" in parts:
        peers(options.rounds, options.times)
    if "routes" in parts:
        routes(options.rounds, options.times)
    if "imports" in parts:
        imports(options.rounds)


if __name__ == "__main__":
    main()
