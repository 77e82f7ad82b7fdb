"""Look for bytes that come to what they must not: a fuzzer guided by coverage (https://github.com/google/atheris).

    python tests/fuzz/fuzz_http1.py -max_total_time=20

Options are those of libFuzzer. It begins with the raw-request corpus, keeps what it finds worth keeping in build/fuzz,
and ends with a status other than 0 and a file build/fuzz-crash-… when `fuzz.checks.check` fails; the bytes then belong
into tests/corpus.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent
FOUND = HERE.parent.parent / "build" / "fuzz"


def main() -> None:
    """Run until libFuzzer has enough."""
    sys.path[0] = str(HERE.parent)
    with atheris.instrument_imports(include=["brubeck_wsgi.protocols", "brubeck_wsgi.gateway", "fuzz"]):
        from fuzz.checks import check
    from corpus import CASES

    def check_one(data: bytes) -> None:
        check(data)

    FOUND.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(CASES):
        (FOUND / f"case-{number}").write_bytes(case.request)
    options = ["-max_len=1024", f"-dict={HERE / 'http1.dict'}", f"-artifact_prefix={FOUND}-"]
    atheris.Setup([sys.argv[0], *options, *sys.argv[1:], str(FOUND)], check_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
