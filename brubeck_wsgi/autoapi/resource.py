"""The handler of an API: the methods of HTTP, on a list, on one object, and on several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar  # Any: models, their objects, and JSON
from urllib.parse import quote

import msgspec

from brubeck_wsgi.autoapi import writing
from brubeck_wsgi.autoapi.access import (
    CREATE,
    DELETE,
    DELETE_ALL,
    LIST,
    OPERATIONS,
    PATCH,
    READ,
    UPDATE,
    AccessMixin,
    AccessRules,
)
from brubeck_wsgi.autoapi.answering import AnswersMixin
from brubeck_wsgi.autoapi.arguments import PLAIN
from brubeck_wsgi.autoapi.bodies import Bodies
from brubeck_wsgi.autoapi.checking import check_names
from brubeck_wsgi.autoapi.conditions import check_several
from brubeck_wsgi.autoapi.hooks import HooksMixin
from brubeck_wsgi.autoapi.idempotency import IdempotentAnswers
from brubeck_wsgi.autoapi.listing import ListingMixin
from brubeck_wsgi.autoapi.negotiation import MERGE_PATCH, check_content_type, chosen_type
from brubeck_wsgi.autoapi.outcomes import Outcome, as_http_error, failed
from brubeck_wsgi.autoapi.plan import Plan
from brubeck_wsgi.autoapi.registering import register
from brubeck_wsgi.errors import BadRequest, Forbidden, HTTPError, NotFound, ValidationError
from brubeck_wsgi.handlers import JSONMessageHandler
from brubeck_wsgi.queryset import Stored
from brubeck_wsgi.response import JSON, made
from brubeck_wsgi.routing.rules import PATH_SAFE

MULTIPLE_ITEM_SEP = ","


class AutoAPIBase(AccessMixin, HooksMixin, ListingMixin, AnswersMixin, JSONMessageHandler):
    """A REST API of a model: subclass it, say `model` and `queries`, and give it to `Brubeck.register_api`.

    Attributes:
        model: the class of the objects; see `brubeck_wsgi.modeling`.
        queries: where they are; see `brubeck_wsgi.queryset`.
        name: what the API is called; by default its class without ``API``.
        operations: what there is, of ``list``, ``read``, ``create``, ``update``, ``patch``, ``delete`` and
            ``delete_all``.
        access: who may do it, ``anyone``, ``user`` or ``owner``: one for all, or by operation; what is not named there
            is for nobody.
        read_only: fields that clients do not write.
        write_once: fields that clients write when they make an object, and never again.
        takes_ids: whether clients may say the identity of what they make.
        page_size: how many objects a list has where the client does not say it, at most `max_page_size`.
        max_items: how many objects one request may make, change or name.
        url_field: the key under which each object has its own URL; None for none.
        requires_conditions: whether a change needs an If-Match header; 428 without.
        put_creates: whether PUT makes an object that is not there; None: with Brubeck's payload.
        post_overwrites: whether POST replaces an object that is there; None: with Brubeck's payload.
        payload: ``plain``, an object or a list as it is; or ``brubeck``, the payload of Brubeck 0.4.
        hide_status: with Brubeck's payload: answer its ``data`` alone.
        dialect: ``plain``, or what a data provider of react-admin speaks, ``simple-rest`` or ``json-server``.
        idempotent_answers: keeps the answers to POST by Idempotency-Key; True: in this process, None: not at all.
        cache_control: of answers with one object.
        feed: whether a list that is asked for as ``text/event-stream``, or over a WebSocket, sends its changes.
        security_schemes: how users say who they are, as OpenAPI has it, where no mixin of `brubeck_wsgi.auth` says it.
    """

    model: ClassVar[Any] = None
    queries: ClassVar[Any] = None
    name: ClassVar[str | None] = None
    operations: ClassVar[Sequence[str]] = tuple(one for one in OPERATIONS if one != DELETE_ALL)
    access: ClassVar[str | Mapping[str, str]] = "anyone"
    read_only: ClassVar[Sequence[str]] = ()
    write_once: ClassVar[Sequence[str]] = ()
    takes_ids: ClassVar[bool] = True
    page_size: ClassVar[int] = 100
    max_page_size: ClassVar[int] = 1000
    max_items: ClassVar[int] = 100
    url_field: ClassVar[str | None] = None
    requires_conditions: ClassVar[bool] = False
    put_creates: ClassVar[bool | None] = None
    post_overwrites: ClassVar[bool | None] = None
    dialect: ClassVar[str] = PLAIN
    idempotent_answers: ClassVar[IdempotentAnswers | bool | None] = True
    cache_control: ClassVar[str] = "no-cache"
    feed: ClassVar[bool] = True
    security_schemes: ClassVar[Mapping[str, Any]] = {}

    # What registering works out; see `brubeck_wsgi.autoapi.registering`.
    plan: ClassVar[Plan]
    rules: AccessRules
    bodies: ClassVar[Bodies]
    path: ClassVar[str]
    has_hook: ClassVar[dict[str, bool]]
    owner_key: ClassVar[str | None]
    read_only_keys: ClassVar[frozenset[str]]
    write_once_keys: ClassVar[frozenset[str]]
    writable: ClassVar[dict[str | None, frozenset[str]]]
    is_watched: ClassVar[bool] = False
    needs_old: ClassVar[bool]
    reads_plainly: ClassVar[bool]
    overwrites: ClassVar[bool]
    puts_new: ClassVar[bool]

    @classmethod
    def register(cls, application: Any, prefix: str | None = None) -> None:
        """Add the routes of the API to an application; see `Brubeck.register_api`."""
        check_names(cls, AutoAPIBase)
        register(cls, application, prefix)

    # -- the methods of HTTP; without ids it is the list

    def get(self, ids: str | None = None) -> Any:
        """Answer a list, an object, or several."""
        if ids is not None and self.reads_plainly and MULTIPLE_ITEM_SEP not in ids:
            environ = self.environ
            if environ.get("HTTP_ACCEPT", "*/*") != "*/*":
                chosen_type(environ)
            stored = self.queries.get(self.plan.parse_id(ids))
            body = self.bodies.of(stored, self.role, self._base())
            if "HTTP_IF_NONE_MATCH" in environ or "HTTP_IF_MATCH" in environ:
                return self._conditional(body.text, body.etag, body.headers)
            return made(body.text, body.headers)
        return self._answered(LIST, self._list, ids) if ids is None else self._answered(READ, self._read, ids)

    def post(self) -> Any:
        """Make an object, or each of a list."""
        keep = self.idempotent_answers
        key = self.environ.get("HTTP_IDEMPOTENCY_KEY")
        if not isinstance(keep, IdempotentAnswers) or key is None:
            return self._answered(CREATE, self._create, None)
        return self._answered(CREATE, partial(self._create_once, keep, key), None)

    def _create_once(self, keep: IdempotentAnswers, key: str, _: None) -> Any:
        request = b"\n".join((self.path.encode(), self.environ.get("HTTP_PREFER", "").encode(), self.message.body))
        owner = self.owner_id()
        who = "nobody" if owner is None else f"somebody called {owner}"
        return keep.answer(key, f"{self.path} {who}", request, self._answer_to_keep)

    def put(self, ids: str) -> Any:
        """Replace an object, or each of several by that in a list."""
        return self._answered(UPDATE, self._replace, ids)

    def patch(self, ids: str) -> Any:
        """Change a part of an object, or of each of several."""
        return self._answered(PATCH, self._patch, ids)

    def delete(self, ids: str | None = None) -> Any:
        """Remove an object, several, or all."""
        if ids is None:
            return self._answered(DELETE_ALL, self._destroy_all, ids)
        return self._answered(DELETE, self._destroy, ids)

    # -- what they do

    def _read(self, ids: str) -> Any:
        keys = self._keys(ids)
        chosen_type(self.environ)
        if len(keys) == 1 and MULTIPLE_ITEM_SEP not in ids:
            outcome = self._read_one(keys[0], self.queries.get(keys[0]))
            return self.answer_one(outcome)
        found = self.queries.get_many(keys)
        return self.answer_many([self._read_one_of(key, stored) for key, stored in zip(keys, found, strict=True)])

    def _read_one(self, key: str, stored: Stored) -> Outcome:
        if self.has_hook["before_read"]:
            self.before_read(key)
        value = stored.value if self.needs_value(READ) else None
        self.authorize(READ, value)
        if self.has_hook["after_read"]:
            self.after_read(value)
        return Outcome(200, stored, self.role_for(value))

    def _read_one_of(self, key: str, stored: Stored | None) -> Outcome:
        if stored is None:
            return failed(NotFound(f"there is no {self.plan.face.name} with the id {key!r:.80}"))
        return self._outcome(partial(self._read_one, key, stored))

    def _create(self, _: None) -> Any:
        data = self._data()
        chosen_type(self.environ)
        if not isinstance(data, list):
            return self.answer_one(writing.create(self, data))
        self._check_number(len(data))
        writing.check_objects(self, data)
        return self.answer_many([self._outcome(partial(writing.create, self, one)) for one in data], sent=True)

    def _replace(self, ids: str) -> Any:
        return self._write(ids, writing.replace, self._data(), must_be_list=True)

    def _patch(self, ids: str) -> Any:
        return self._write(ids, writing.patch, self._data((MERGE_PATCH, JSON)), must_be_list=False)

    def _write(self, ids: str, write: Callable[..., Outcome], data: Any, *, must_be_list: bool) -> Any:
        keys = self._keys(ids)
        chosen_type(self.environ)
        if MULTIPLE_ITEM_SEP not in ids:
            if isinstance(data, list) and len(data) == 1:
                (data,) = data
            return self.answer_one(write(self, keys[0], data))
        check_several(self, len(keys))
        parts = data if isinstance(data, list) or must_be_list else [data] * len(keys)
        if not isinstance(parts, list) or len(parts) != len(keys):
            raise BadRequest(f"expected a list of {len(keys)} objects, as many as there are ids")
        writing.check_objects(self, parts)
        outcomes = [self._outcome(partial(write, self, key, part)) for key, part in zip(keys, parts, strict=True)]
        return self.answer_many(outcomes, sent=isinstance(data, list))

    def _destroy(self, ids: str) -> Any:
        keys = self._keys(ids)
        if MULTIPLE_ITEM_SEP not in ids:
            return self.answer_destroyed([writing.destroy(self, keys[0])], is_single=True)
        check_several(self, len(keys))
        outcomes = [self._outcome(partial(writing.destroy, self, key)) for key in keys]
        return self.answer_destroyed(outcomes, is_single=False)

    def _destroy_all(self, _: None) -> Any:
        if self.environ.get("QUERY_STRING"):
            raise BadRequest("expected no arguments: this removes everything")
        has_hooks = self.has_hook["before_delete"] or self.has_hook["after_delete"]
        if has_hooks or self.judges_objects or self.rules.needs_owner(DELETE_ALL):
            self._destroy_each()
        else:
            self.queries.destroy_all()
        return self.answer_destroyed([], is_single=False)

    def _destroy_each(self) -> None:
        for result in self.queries.read_all():
            if self.is_allowed(DELETE_ALL, result.stored):
                try:
                    writing.destroy(self, result.stored.id, operation=DELETE_ALL)
                except (NotFound, Forbidden):  # it is gone, or somebody else's now
                    continue

    # -- help for them

    selectable: ClassVar[dict[str, str]]
    label: ClassVar[str]

    def needs_value(self, operation: str) -> bool:
        """Tell whether the object itself is needed, and not only what it is answered as."""
        return self.has_roles_by_object or self.is_guarded(operation) or self.has_hook["after_read"]

    def writable_keys(self, role: str | None) -> frozenset[str]:
        """Return the keys that a client who sees an object as *role* may write."""
        keys = self.writable.get(role)
        if keys is None:
            keys = self.plan.seen(role) - self.read_only_keys - {self.plan.id_key, self.owner_key}
            self.writable[role] = keys
        return keys

    def own_path(self) -> str:
        """Return the path of the list, below where the application is mounted."""
        mount = self.environ.get("SCRIPT_NAME")
        return quote(mount.encode("latin-1"), safe=PATH_SAFE) + self.path if mount else self.path

    def _base(self) -> str:
        """Return what stands before the path in URLs of objects, if they have one."""
        if self.url_field is None:
            return ""
        mount = quote(self.environ.get("SCRIPT_NAME", "").encode("latin-1"), safe=PATH_SAFE)
        return f"{self.message.host_url}{mount}"

    def _keys(self, ids: str) -> list[str]:
        parts = [part for part in ids.split(MULTIPLE_ITEM_SEP) if part]
        self._check_number(len(parts))
        if len(set(parts)) != len(parts):
            raise BadRequest("expected each id once")
        return [self.plan.parse_id(part) for part in parts]

    def _check_number(self, number: int) -> None:
        if not 1 <= number <= self.max_items:
            raise BadRequest(f"expected 1 to {self.max_items} objects, got {number}")

    def _data(self, kinds: tuple[str, ...] = (JSON,)) -> Any:
        check_content_type(self.environ, kinds)
        try:
            return msgspec.json.decode(self.message.body)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise BadRequest(f"expected a JSON body: {str(error)[:200]}") from None

    def _outcome(self, make: Callable[[], Outcome]) -> Outcome:
        """Return what came of an operation, also where it failed."""
        try:
            return make()
        except (HTTPError, ValidationError) as error:
            return failed(as_http_error(error))
