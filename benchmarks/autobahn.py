"""Autobahn|Testsuite against our doors: every case of 517, and how long each section takes.

    python benchmarks/autobahn.py                              # gevent, eventlet and mongrel2
    python benchmarks/autobahn.py gevent --cases '9.*' --out /tmp/autobahn

The suite is of Python 2.7: with one on the PATH as ``python2.7`` (or in AUTOBAHN_PYTHON) it is installed from PyPI into
the folder given as --out, once. What is not OK is listed; the reports, with every byte, are in its folder ``reports``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from mongrel2_servers import handler, mongrel2  # noqa: E402  # they are beside the tests
from servers import free_port, running  # noqa: E402

APP = "apps.realtime_app:app"
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}
# "zope" is a namespace that only a site directory makes.
RUN = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"


def _worker(stack: ExitStack, name: str) -> int:
    port = free_port()
    command = ["gunicorn", "-k", f"brubeck_wsgi.workers.{name}", "--no-control-socket", "-b", f"127.0.0.1:{port}", APP]
    return stack.enter_context(
        running([sys.executable, "-m", *command], port, PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}")
    ).port


DOORS = {
    "gevent": lambda stack: _worker(stack, "GeventWorker"),
    "eventlet": lambda stack: _worker(stack, "EventletWorker"),
    "mongrel2": lambda stack: stack.enter_context(handler(APP, stack.enter_context(mongrel2()))).port,
}


def find_python() -> str:
    """Return a Python 2.7; end the program if there is none."""
    found = os.environ.get("AUTOBAHN_PYTHON") or shutil.which("python2.7") or shutil.which("pypy")
    if found is None or subprocess.run([found, "--version"], capture_output=True, check=False).returncode:
        raise SystemExit("expected a Python 2.7 on the PATH, or its path in AUTOBAHN_PYTHON")
    return found


def install(python: str, folder: Path) -> Path:
    """Return where the suite is installed below *folder*, installing it if it is not."""
    site = folder / "site"
    if not (site / "autobahntestsuite").is_dir():
        command = [python, "-m", "pip", "install", "--quiet", "--target", str(site), "autobahntestsuite"]
        subprocess.run(command, check=True)
    return site


def run_suite(
    python: str, site: Path, folder: Path, door: str, port: int, cases: list[str], excluded: list[str]
) -> dict:
    """Run the suite; return its index: a result for each case."""
    reports = folder / "reports" / door
    shutil.rmtree(reports, ignore_errors=True)
    wishes = {
        "outdir": str(reports),
        "servers": [{"agent": door, "url": f"ws://127.0.0.1:{port}/echo"}],
        "cases": cases,
        "exclude-cases": excluded,
        "exclude-agent-cases": {},
    }
    configuration = folder / f"{door}.json"
    configuration.write_text(json.dumps(wishes))
    command = [python, "-c", RUN, str(site), "-m", "fuzzingclient", "-s", str(configuration)]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return json.loads((reports / "index.json").read_text())[door]


def report(door: str, results: dict) -> bool:
    """Print what came of a run; return whether all of it is good."""
    counts = Counter(result["behavior"] for result in results.values())
    sections: Counter[str] = Counter()
    for case, result in results.items():
        sections[case.partition(".")[0]] += result["duration"]
    bad = [
        f"{case} {result['behavior']}, close {result['behaviorClose']}"
        for case, result in results.items()
        if result["behavior"] not in GOOD or result["behaviorClose"] not in GOOD
    ]
    print(f"{door}: {len(results)} cases: {', '.join(f'{count} {kind}' for kind, count in counts.most_common())}")
    print(
        "  not strict:", ", ".join(case for case, one in results.items() if one["behavior"] == "NON-STRICT") or "none"
    )
    print("  bad:", "; ".join(bad) or "none")
    print("  seconds:", ", ".join(f"{name}: {milliseconds / 1000:.1f}" for name, milliseconds in sections.items()))
    return not bad


def main() -> None:
    """Run what the arguments say; exit with 1 if a case is bad."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("doors", nargs="*", default=list(DOORS), metavar="door")
    parser.add_argument("--cases", nargs="*", default=["*"])
    parser.add_argument("--exclude", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir(), "autobahn"))
    options = parser.parse_args()
    python = find_python()
    options.out.mkdir(parents=True, exist_ok=True)
    site = install(python, options.out)
    is_good = True
    for door in options.doors:
        with ExitStack() as stack:
            port = DOORS[door](stack)
            results = run_suite(python, site, options.out, door, port, options.cases, options.exclude)
        is_good &= report(door, results)
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
