"""What an API answers: objects and lists as they are, or in the payload of Brubeck 0.4."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar  # Any: the handler that this is part of, what it answers, and JSON

import msgspec

from brubeck_wsgi.autoapi.access import CREATE
from brubeck_wsgi.autoapi.arguments import PLAIN
from brubeck_wsgi.autoapi.bodies import CONTENT_TYPE
from brubeck_wsgi.autoapi.conditions import check_read_conditions
from brubeck_wsgi.autoapi.negotiation import preferred_return
from brubeck_wsgi.autoapi.outcomes import (
    MULTI_STATUS,
    Outcome,
    as_http_error,
    common_status,
    problem_of,
)
from brubeck_wsgi.errors import HTTPError, ValidationError
from brubeck_wsgi.handlers.answers import TEXT_HEADER
from brubeck_wsgi.interfaces import HeaderList
from brubeck_wsgi.problems import problem_response
from brubeck_wsgi.response import PHRASES, Response, made

BRUBECK = "brubeck"
PAYLOADS = (PLAIN, BRUBECK)


class AnswersMixin:
    """How a handler of an API answers.

    Attributes:
        payload: ``plain`` or ``brubeck``.
        hide_status: with Brubeck's payload: answer its ``data`` alone.
    """

    payload: ClassVar[str] = PLAIN
    hide_status: ClassVar[bool] = False

    def _answered(self: Any, operation: str, answer: Callable[[Any], Any], ids: str | None) -> Any:
        """Return the answer; errors of data as those of HTTP, and as Brubeck has them if its payload is wanted."""
        try:
            self.authorize(operation)  # first of all: whom nobody knows learns nothing else
            return answer(ids)
        except ValidationError as error:
            failure = as_http_error(error)
        except HTTPError as error:
            failure = error
        if self.payload == PLAIN:
            raise failure
        return self._brubeck_error(failure)

    def _answer_to_keep(self: Any) -> Any:
        """Return the answer to a POST; errors that are answers for good too."""
        try:
            response = self._answered(CREATE, self._create, None)
        except HTTPError as error:
            if error.status >= 500 or error.status in (401, 409, 429):
                raise
            response = problem_response(error, self.environ)
        return response

    def answer_one(self: Any, outcome: Outcome) -> Any:
        """Answer what came of an operation on one object."""
        status, stored, role, _, value = outcome
        assert stored is not None
        is_read = self.environ["REQUEST_METHOD"] in ("GET", "HEAD")
        body = (self.bodies.of if is_read else self.bodies.once)(stored, role, self._base(), value)
        headers = body.headers
        if is_read:
            if self.payload == PLAIN:
                return self._conditional(body.text, body.etag, headers)
            if check_read_conditions(self.environ, body.etag):
                return Response(b"", 304, [("ETag", body.etag)])
        else:
            headers = [CONTENT_TYPE, ("ETag", body.etag)]
            headers.append(("Location" if status == 201 else "Content-Location", f"{self.own_path()}{stored.id}"))
        if self.payload != PLAIN:
            return self._brubeck(status, _with_status(body.text, status), headers)
        return self._preferred(status, body.text, headers)

    def answer_many(self: Any, outcomes: Sequence[Outcome], *, sent: bool = False) -> Any:
        """Answer what came of operations on several objects.

        Args:
            sent: whether a list was sent: then what failed is told of each, also where all failed alike.
        """
        status = common_status(outcomes) if outcomes else 200
        if self.payload != PLAIN:
            items = [self._brubeck_item(one) for one in outcomes]
            return self._brubeck(400 if status == 422 else status, items, [])
        if status < 300 and status != MULTI_STATUS:
            bodies = [self.bodies.of(one.stored, one.role, self._base()) for one in outcomes]
            text = b"[%b]" % b",".join([body.text for body in bodies])
            return self._preferred(status, text, [CONTENT_TYPE])
        if status != MULTI_STATUS and not sent:
            raise HTTPError(status, outcomes[0].error.detail if outcomes[0].error is not None else "")
        return self._plain(MULTI_STATUS, _encode({"results": [self._result(one) for one in outcomes]}))

    def answer_destroyed(self: Any, outcomes: Sequence[Outcome], *, is_single: bool) -> Any:
        """Answer what came of removing objects: nothing, or what they were if the client would like it."""
        would_like_it = bool(outcomes) and preferred_return(self.environ) == "representation"
        wants_it = self.dialect != PLAIN or self.payload != PLAIN or would_like_it
        status = common_status(outcomes) if outcomes else 204
        if status == 204 and not wants_it:
            return made_with(204, b"", [])
        shown = [one._replace(status=200) if one.status == 204 else one for one in outcomes]
        if is_single:
            one = shown[0]
            text = self.bodies.of(one.stored, one.role, self._base()).text
            if self.payload != PLAIN:
                return self._brubeck(200, _with_status(text, 200), [])
            return self._preferred(200, text, [CONTENT_TYPE])
        return self.answer_many(shown)

    # -- plain

    def _conditional(self: Any, text: bytes, etag: str, headers: HeaderList) -> Any:
        if check_read_conditions(self.environ, etag):
            return made_with(304, b"", [pair for pair in headers if pair[0] != "Content-Type"])
        return made(text, headers)

    def _preferred(self: Any, status: int, text: bytes, headers: HeaderList) -> Any:
        is_change = self.environ["REQUEST_METHOD"] not in ("GET", "HEAD")
        preferred = preferred_return(self.environ) if is_change else None
        if preferred is not None:
            headers = [*headers, ("Preference-Applied", f"return={preferred}"), ("Vary", "Prefer")]
        if preferred == "minimal":
            bodiless = [pair for pair in headers if pair[0] != "Content-Type"]
            if status == 201:
                return made_with(201, b"", [TEXT_HEADER, *bodiless])  # PEP 3333's checkers insist on one
            return made_with(204, b"", bodiless)
        return made_with(status, text, headers)

    def _plain(self: Any, status: int, text: bytes) -> Any:
        return made_with(status, text, [CONTENT_TYPE])

    def _result(self: Any, outcome: Outcome) -> dict[str, Any]:
        if outcome.error is not None:
            return {"status": outcome.status, "problem": problem_of(outcome.error)}
        body = self.bodies.of(outcome.stored, outcome.role, self._base())
        place = f"{self.own_path()}{outcome.stored.id}" if outcome.stored is not None else None
        return {"status": outcome.status, "location": place, "value": msgspec.Raw(body.text)}

    # -- as in Brubeck 0.4

    def _brubeck(self: Any, status: int, data: Any, headers: HeaderList) -> Any:
        for name, value in headers:
            if name != "Content-Type":
                self.headers[name] = value
        self.add_to_payload("data", data)
        return self._rendered_payload(status)

    def _brubeck_item(self: Any, outcome: Outcome) -> Any:
        if outcome.error is not None:
            status = 400 if outcome.status == 422 else outcome.status
            problem = {key: value for key, value in problem_of(outcome.error).items() if key in ("errors", "detail")}
            return {**problem, "status_code": status, "status_msg": PHRASES.get(status, "Error")}
        return _with_status(self.bodies.of(outcome.stored, outcome.role, self._base()).text, outcome.status)

    def _brubeck_error(self: Any, error: HTTPError) -> Any:
        self.clear_payload()
        status = 400 if error.status == 422 else error.status  # which Brubeck had for data of every kind
        for name, value in error.headers.items():
            self.headers[name] = value
        for key, member in error.members.items():
            self.add_to_payload(key, member)
        if error.detail:
            self.add_to_payload("detail", error.detail)
        return self._rendered_payload(status)

    def _rendered_payload(self: Any, status: int) -> Any:
        # Only if it is said: an application's own render may say it.
        options = {"hide_status": True} if self.hide_status else {}
        return self.render(status_code=status, **options)


def made_with(status: int, text: bytes, headers: HeaderList) -> Response:
    """Return a response of parts that are known to be good."""
    response = made(text, headers)
    response._status_code = status
    return response


def _with_status(text: bytes, status: int) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.json.decode(text)
    return {**data, "status_code": status, "status_msg": PHRASES.get(status, "Unknown")}


_encode = msgspec.json.encode
