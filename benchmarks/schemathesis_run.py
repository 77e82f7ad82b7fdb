"""All checks and phases of schemathesis on a real server: ``python benchmarks/schemathesis_run.py``.

Needs ``pip install schemathesis``. Ends with status 1 if a seed finds a fault.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def run(port: int, seed: int, examples: int) -> bool:
    """Return whether a run with *seed* finds nothing."""
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "run", f"http://127.0.0.1:{port}/openapi.json"),
        *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--seed", str(seed)),
        *("--max-examples", str(examples), "--header", "Authorization: Bearer ada-token", "--no-color"),
    ]
    with tempfile.TemporaryDirectory() as folder:  # it leaves notes where it runs
        return subprocess.run(command, cwd=folder).returncode == 0


def main() -> None:
    """Start the server, and run once for each seed."""
    from servers import free_port, running

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", default="tests.apps.autoapi_app:app")
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    port = free_port()
    # What is longer than a request line may be is answered 414 by the server, before the application has a say.
    gunicorn = ["gunicorn", "--no-control-socket", "--limit-request-line", "0"]
    with running([*gunicorn, "-k", "brubeck_wsgi.workers.GeventWorker", "-b", f"127.0.0.1:{port}", options.app], port):
        results = {seed: run(port, seed, options.examples) for seed in options.seeds}
    print(", ".join(f"seed {seed}: {'no fault' if is_good else 'FAULTS'}" for seed, is_good in results.items()))
    sys.exit(0 if all(results.values()) else 1)


if __name__ == "__main__":
    main()
