"""What the Gunicorn workers cost per request, beside other servers: ``python benchmarks/serve.py [scene …]``.

The server has core 0, the load, of wrk, core 1. Rounds are interleaved, so that a slow moment of the machine falls on
everybody; figures are medians over the rounds, ratios the medians of the rounds' ratios. Take the ratios of processor
time: wall rates say something on a quiet machine only. README.md tells what there is to install.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterable

from serving.measuring import MEASURES, Figures
from serving.scenes import SCENES, Bar, Scene
from serving.servers import SERVERS, running

MODULES = {"brubeck-eventlet": "eventlet", "granian": "granian", "bjoern": "bjoern", "uvicorn": "uvicorn"}
RATIOS = [
    ("µs", "gunicorn-gevent"),
    ("µs", "granian"),
    ("µs", "bjoern"),
    ("requests/s", "gunicorn-gevent"),
]
SUMS = ("failures", "requests")

Results = dict[str, list[Figures]]
"""What each server did in each round."""


def measure(scene: Scene, servers: list[str], seconds: float, rounds: int) -> Results:
    """Measure *scene* on each of *servers*, in turns, each time on a server that has just been started."""
    results: Results = {name: [] for name in servers if name not in scene.without}
    with tempfile.TemporaryDirectory() as directory:
        for turn in range(rounds):
            for name, figures in results.items():
                if sys.stderr.isatty():
                    print(f"\r  round {turn + 1}, {name:<20}", end="\r", file=sys.stderr, flush=True)
                with running(name, scene.wanted, directory) as server:
                    figures.append(MEASURES[scene.kind](scene, server, seconds))
    return results


def figure(results: Results, server: str, name: str, base: str = "") -> float:
    """Return a server's figure over all rounds, or its ratio to that of *base*."""
    values = [figures[name] for figures in results[server]]
    if base:
        return statistics.median(
            value / (figures[name] or float("nan")) for value, figures in zip(values, results[base], strict=True)
        )
    return sum(values) if name in SUMS else statistics.median(values)


def report(name: str, scene: Scene, results: Results) -> None:
    """Print a table, and the bars under it; nothing if no server can do it."""
    if not results:
        return
    columns = list(next(iter(results.values()))[0])
    ratios = [(column, base) for column, base in RATIOS if column in columns and base in results]
    print(f"\n{name}: {scene.title}")
    heads = [f"{column:>11}" for column in columns] + [f"  {column} / {base}" for column, base in ratios]
    print(f"  {'':<17}", *heads)
    for server in results:
        cells = [f"{figure(results, server, column):11,.{2 if column == 'µs' else 0}f}" for column in columns]
        for (column, base), head in zip(ratios, heads[len(columns) :], strict=True):
            cells.append(f"{figure(results, server, column, base):{len(head)}.3f}")
        print(f"  {server:<17}", *cells)
    for bar in scene.bars:
        if bar.server in results and (not bar.base or bar.base in results):
            print("  " + verdict(bar, figure(results, bar.server, bar.figure, bar.base)))


def verdict(bar: Bar, value: float) -> str:
    """Return a line that tells whether *value* passes *bar*."""
    is_met = value >= bar.limit if bar.is_least else value <= bar.limit
    what = f"{bar.figure} / {bar.base}" if bar.base else bar.figure
    bound = "at least" if bar.is_least else "at most"
    return f"bar: {bar.server}, {what}: {value:.3g}, {bound} {bar.limit:g}: {'met' if is_met else 'NOT MET'}"


def installed_servers() -> list[str]:
    """Return the names of the servers that can be started here."""
    return [name for name in SERVERS if name not in MODULES or importlib.util.find_spec(MODULES[name])]


def check(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """End the program unless *names* are all out of *known*."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"expected {what} out of {', '.join(known)}, got {', '.join(unknown)}")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("scenes", nargs="*", metavar="scene", help=", ".join(SCENES))
    parser.add_argument("--servers", default="", help=", ".join(SERVERS))
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="where to write each figure of each round")
    options = parser.parse_args()
    servers = options.servers.split(",") if options.servers else installed_servers()
    check("scenes", options.scenes, SCENES)
    check("servers", servers, SERVERS)
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that servers are ended
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    everything = {}
    for name in options.scenes or SCENES:
        everything[name] = measure(SCENES[name], servers, options.seconds, options.rounds)
        report(name, SCENES[name], everything[name])
        if options.json:
            with open(options.json, "w") as file:
                json.dump(everything, file, indent=1)


if __name__ == "__main__":
    main()
