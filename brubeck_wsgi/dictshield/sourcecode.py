"""Python source that is written at run time, with the objects that it names.

What a document class is asked often (is this document valid? what of it may the public see?) is written out as one
plain function for the class, with its fields and the documents in it unrolled.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any  # the objects that generated code names are of any kind

_BUILTINS = ("len", "type", "dict", "list", "tuple")
_PLAIN = {str, int, float, bool, list, dict, tuple}


class Code:
    """One function in the making.

    Args:
        head: its first line, ``"def check(doc):"``.

    Attributes:
        names: the globals of the function.
        refusal: what the function returns where it refuses.
        inside: the document classes of which the fields are being written, the outermost first.
    """

    def __init__(self, head: str) -> None:
        self.names: dict[str, Any] = {}
        self.inside: list[Any] = []
        self.refusal = "False"
        self._known: dict[int, str] = {}
        self._lines = [head]
        self._depth = 1
        self._variables = 0

    def __len__(self) -> int:
        """Return how many lines there are below the head."""
        return len(self._lines) - 1

    @property
    def source(self) -> str:
        """The text of the function."""
        return "\n".join(self._lines) + "\n"

    def line(self, text: str) -> None:
        """Add a line to the current block."""
        self._lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Add *head* with a block below it; without it, if nothing is added to the block."""
        self.line(head)
        before = len(self._lines)
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if len(self._lines) == before:
                self._lines.pop()

    def name(self, thing: Any, hint: str) -> str:
        """Return the name by which the function knows *thing*."""
        name = self._known.get(id(thing))
        if name is None:
            is_plain = isinstance(thing, type) and thing in _PLAIN
            name = self._known[id(thing)] = thing.__name__ if is_plain else f"{hint}_{len(self.names)}"
            self.names[name] = thing  # which keeps it alive, and its id its own
        return name

    def variable(self) -> str:
        """Return a name that no other variable of the function has."""
        self._variables += 1
        return f"v{self._variables}"

    def finish(self, title: str) -> Callable[..., Any]:
        """Return the function; tracebacks show its lines, under *title*."""
        filename = f"<dictshield {title}>"
        namespace = dict(self.names)
        # What the function names is bound as it is made: to look a local up takes half as long as a global.
        bound = ", ".join(f"{name}={name}" for name in dict.fromkeys((*_BUILTINS, *self.names)))
        source = self.source.replace("):", f", *, {bound}):", 1)
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        # Nothing a client sends gets in here: names of fields are identifiers, everything else is named by us.
        exec(compile(source, filename, "exec"), namespace)  # noqa: S102
        function: Callable[..., Any] = namespace[source[4 : source.index("(")]]
        return function
