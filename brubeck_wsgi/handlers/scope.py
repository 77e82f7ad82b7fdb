"""What a handler has running beside it, and what it has put off until it has answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, cast

from brubeck_wsgi.concurrency import TaskGroup
from brubeck_wsgi.concurrency.deferring import defer
from brubeck_wsgi.response import Response
from brubeck_wsgi.streams import is_file


class Scope:
    """The tasks and the deferred calls of one request, both made when they are asked for."""

    def __init__(self) -> None:
        self._group: TaskGroup | None = None
        self._deferred: list[Callable[[], object]] = []

    @property
    def tasks(self) -> TaskGroup:
        """The group, begun."""
        if self._group is None:
            self._group = TaskGroup().__enter__()
        return self._group

    def defer(self, call: Callable[[], object]) -> None:
        """Keep *call* until the answer is sent."""
        self._deferred.append(call)

    def cancel(self) -> None:
        """Cancel the tasks."""
        if self._group is not None:
            self._group.cancel()

    def join(self) -> None:
        """Wait for the tasks; errors as `TaskGroup` has them."""
        group, self._group = self._group, None
        if group is not None:
            group.__exit__(None, None, None)

    def fail(self, error: BaseException) -> None:
        """Cancel the tasks after *error*; raise what comes of both, where that is something else."""
        self._deferred.clear()
        group, self._group = self._group, None
        if group is not None:
            group.__exit__(type(error), error, error.__traceback__)

    def hold(self, response: Response) -> Response:
        """Return a streamed *response* whose end is the end of the tasks."""
        if self._group is None:
            return response
        if is_file(response.body):
            response.on_close(self.join)
        else:
            response.body = self._pieces(cast("Iterable[bytes | str]", response.body))
            response.on_close(self._give_up)  # where no piece was ever asked for
        return response

    def put_off(self, response: Response, on_error: Callable[[Exception], object]) -> Response:
        """Return *response*, with the deferred calls behind its end."""
        for call in reversed(self._deferred):
            response.on_close(partial(defer, call, on_error))
        self._deferred.clear()
        return response

    def _pieces(self, pieces: Iterable[bytes | str]) -> Iterator[bytes | str]:
        try:
            yield from pieces
        except BaseException as error:
            self.fail(error)
            raise
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
        self.join()

    def _give_up(self) -> None:
        self.fail(GeneratorExit())


def is_streamed(answer: Any) -> bool:
    """Tell whether what a handler returned is still to be made, piece by piece."""
    body = answer[0] if isinstance(answer, tuple) and answer else answer
    if isinstance(body, Response):
        return body.is_streamed
    return isinstance(body, Iterator) or hasattr(body, "read") or hasattr(body, "app_iter")
