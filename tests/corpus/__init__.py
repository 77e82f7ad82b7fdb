"""Raw requests, and what must come of them by RFC 9110 and RFC 9112; the data stands in the files beside this one.

A file is a theme. Each ``[[case]]`` in it has:

- ``name``: what the request is like.
- ``request``: its bytes, as latin-1 text. ``{}`` stands for each of ``each`` in turn, and ``{a*300}`` for a letter so
  many times. Without it, ``shape`` of the file is the request.
- ``why``: the rule, or the policy, and where it stands.
- ``status``: of the answer; 200 by default, a list if the bytes are several requests. 0 is the end of the connection
  without an answer. After anything but 200 the connection is closed, and nothing of the rest is interpreted.
- ``sees``: what the application finds in its environ, a list for several requests; ``body`` among it is what it reads.
- ``hides``: keys that are not in the environ.
- ``closes``: whether the connection is closed although the answer is 200.
- ``ends``: whether the client closes its side after the bytes.
- ``gunicorn``: why Gunicorn's own gevent worker does something else: a key of ``gunicorn.toml``.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parent
EXPLANATIONS: dict[str, str] = tomllib.loads((DIRECTORY / "gunicorn.toml").read_text())
_FILL = re.compile(r"\{(.)\*(\d+)\}")


@dataclass(frozen=True)
class Case:
    """One request, and what must come of it; see above."""

    id: str
    request: bytes
    statuses: list[int]
    sees: list[dict[str, str]]
    hides: list[str]
    persists: bool
    ends: bool


@dataclass(frozen=True)
class Entry:
    """What one ``[[case]]`` of a file stands for."""

    id: str
    why: str
    cases: list[Case] = field(repr=False)
    gunicorn: str | None


def _load() -> list[Entry]:
    paths = sorted(path for path in DIRECTORY.glob("*.toml") if path.name != "gunicorn.toml")
    return [entry for path in paths for entry in _read(path)]


def _read(path: Path) -> list[Entry]:
    data = tomllib.loads(path.read_text())
    return [_entry(f"{path.stem}: {raw['name']}", raw, data.get("shape", "")) for raw in data["case"]]


def _entry(name: str, raw: dict[str, Any], shape: str) -> Entry:
    unknown = raw.keys() - {
        *("name", "request", "each", "why", "status", "sees", "hides", "closes", "ends", "gunicorn"),
    }
    assert not unknown, f"{name} has {unknown}"
    template = raw.get("request", shape)
    variants = raw.get("each", [""])
    assert ("{}" in template) == ("each" in raw), name
    cases = [
        _case(name if len(variants) == 1 else f"{name} {number}", raw, template, variant)
        for number, variant in enumerate(variants, 1)
    ]
    return Entry(name, raw["why"], cases, raw.get("gunicorn"))


def _case(name: str, raw: dict[str, Any], template: str, variant: str) -> Case:
    status = raw.get("status", 200)
    statuses = status if isinstance(status, list) else [status]
    sees = raw.get("sees", {})
    sees = sees if isinstance(sees, list) else [sees]
    return Case(
        id=name,
        request=_fill(template, variant).encode("latin-1"),
        statuses=statuses if statuses != [0] else [],
        sees=[{key: _fill(value, variant) for key, value in seen.items()} for seen in sees],
        hides=raw.get("hides", []),
        persists=statuses[-1] == 200 and not raw.get("closes", False) and not raw.get("ends", False),
        ends=raw.get("ends", False),
    )


def _fill(text: str, variant: str) -> str:
    return _FILL.sub(lambda match: match[1] * int(match[2]), text.replace("{}", variant))


ENTRIES = _load()
CASES = [case for entry in ENTRIES for case in entry.cases]
