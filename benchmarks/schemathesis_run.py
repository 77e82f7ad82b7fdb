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
APPS = ["tests.apps.autoapi_app:app", "tests.apps.autoapi_variants_app:app"]
# What is longer than a request line may be is answered 414 by the server, before the application has a say.
GUNICORN = ["gunicorn", "--no-control-socket", "--limit-request-line", "0", "-k", "brubeck_wsgi.workers.GeventWorker"]
PHASES = "examples,coverage,fuzzing,stateful"

# A header for all requests would hide what is answered without it: the token is a credential, which may be left away.
# 412 and 414 beside what is taken by default: a condition (If-Match) that does not hold is no fault of the data, and is
# looked at before it; and a request line has an end that no schema can tell.
CONFIGURATION = f"""
hooks = "{ROOT / "benchmarks" / "schemathesis_hooks.py"}"

[auth.openapi.bearer]
bearer = "ada-token"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "414", "429", "5xx"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "412", "414", "415", "422", "428", "429", "5xx"]
"""


def run(port: int, seed: int, examples: int, phases: str = PHASES) -> subprocess.CompletedProcess[str]:
    """Have the API that listens on a port of 127.0.0.1 checked, with all that schemathesis looks at."""
    with tempfile.TemporaryDirectory() as folder:  # it leaves notes where it runs
        Path(folder, "schemathesis.toml").write_text(CONFIGURATION)
        command = [
            *(str(Path(sys.executable).parent / "schemathesis"), "run", f"http://127.0.0.1:{port}/openapi.json"),
            *("--checks", "all", "--phases", phases, "--seed", str(seed), "--max-examples", str(examples)),
            "--no-color",
        ]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def main() -> None:
    """Start the server, and run once for each seed."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    from servers import free_port, running

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apps", nargs="+", default=APPS)
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    faults = 0
    for app in options.apps:
        port = free_port()
        with running([*GUNICORN, "-b", f"127.0.0.1:{port}", app], port):
            for seed in options.seeds:
                done = run(port, seed, options.examples)
                faults += done.returncode != 0
                verdict = "FAULTS" if done.returncode else "no fault"
                print(f"{done.stdout}{done.stderr}\n{app}, seed {seed}: {verdict}", flush=True)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
