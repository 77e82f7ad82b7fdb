"""The contract of querysets: where the objects of a model are kept, found and changed, whatever keeps them.

Operations on one object raise what goes wrong; operations on many tell it of each, by a `Result`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any  # objects of the application's classes, and clients of databases

import msgspec

from brubeck_wsgi.errors import NotFound, ValidationError
from brubeck_wsgi.modeling import adapt, is_model
from brubeck_wsgi.queryset.errors import AlreadyExists, VersionConflict
from brubeck_wsgi.queryset.listeners import Listener, Listeners
from brubeck_wsgi.queryset.results import Change, ChangeKind, Result, Status, Stored
from brubeck_wsgi.queryset.selectable import Selectable

ANY_VERSION = "*"
"""As ``if_version``: whichever version it is, as long as the object is there."""


class AbstractQueryset(Selectable):
    """The contract, over the few operations that a store has; it keeps nothing itself.

    Args:
        db_conn: what the store is reached by.
        api_id: the field that tells objects apart; by default the identity of the model, which is ``id`` or ``_id``
            or what its ``__identity__`` says.
        model: the class of the objects; by default that of the first that is created.
        indexed: names of fields that `select` may filter and sort by, beside the one that tells objects apart.
    """

    MSG_OK = Status.OK
    MSG_UPDATED = Status.UPDATED
    MSG_CREATED = Status.CREATED
    MSG_NOTFOUND = Status.NOT_FOUND
    MSG_FAILED = Status.FAILED

    def __init__(
        self, db_conn: Any = None, api_id: str | None = None, *, model: Any = None, indexed: Iterable[str] = ()
    ) -> None:
        self.db_conn = db_conn
        self._listeners = Listeners()
        super().__init__(api_id, model, indexed)

    # -- Brubeck's operations, on one or many

    def create(self, shields: Any, *, create_only: bool = False) -> Any:
        """Do `create_many` with a list, and `create_one` with anything else."""
        if isinstance(shields, list | tuple):
            return self.create_many(shields, create_only=create_only)
        return self.create_one(shields, create_only=create_only)

    def read(self, ids: Any = None) -> Any:
        """Do `read_many` with a list, `read_one` with one id, and `read_all` with nothing."""
        if ids is None or ids == "" or ids == []:
            return self.read_all()
        return self.read_many(ids) if isinstance(ids, list | tuple) else self.read_one(ids)

    def update(self, shields: Any, *, if_version: str | None = None) -> Any:
        """Do `update_many` with a list, and `update_one` with anything else."""
        if isinstance(shields, list | tuple):
            return self.update_many(shields)
        return self.update_one(shields, if_version=if_version)

    def destroy(self, item_ids: Any, *, if_version: str | None = None) -> Any:
        """Do `destroy_many` with a list, and `destroy_one` with anything else."""
        if isinstance(item_ids, list | tuple):
            return self.destroy_many(item_ids)
        return self.destroy_one(item_ids, if_version=if_version)

    def create_one(self, shield: Any, *, create_only: bool = False) -> Result:
        """Store an object, also in place of one with the same id; it is given an id if it has none.

        Args:
            shield: an object of the model, or a mapping that makes one.
            create_only: raise `AlreadyExists` if there is one with the same id.

        Returns:
            ``Created``, or ``Updated``, and the object.

        Raises:
            Invalid: it is no valid object of the model.
            Unstorable: the store cannot hold it.
        """
        value = self._object(shield)
        stored = self._stored(value)
        with self._step():
            is_new = (self._add if create_only else self._save)([stored])[0]
            if create_only and not is_new:
                raise AlreadyExists(stored.id)
            self._queue(ChangeKind.CREATED if is_new else ChangeKind.UPDATED, stored)
        self._listeners.tell()
        return Result(Status.CREATED if is_new else Status.UPDATED, value, stored)

    def create_many(self, shields: Sequence[Any], *, create_only: bool = False) -> list[Result]:
        """Do `create_one` with each, all in as few steps as the store can; all or none if one is not valid.

        Returns:
            A result each; ``Failed`` with *create_only* where there is one with the same id.
        """
        values = [self._object(shield) for shield in shields]
        items = [self._stored(value) for value in values]
        results: list[Result] = []
        for part in _runs_of_different(items):
            with self._step():
                news = (self._add if create_only else self._save)(part)
                for stored, is_new in zip(part, news, strict=True):
                    value = values[len(results)]
                    if create_only and not is_new:
                        results.append(Result(Status.FAILED, value))
                        continue
                    self._queue(ChangeKind.CREATED if is_new else ChangeKind.UPDATED, stored)
                    results.append(Result(Status.CREATED if is_new else Status.UPDATED, value, stored))
        self._listeners.tell()
        return results

    def read_one(self, item_id: Any) -> Result:
        """Return ``OK`` and the object; `NotFound` if there is none."""
        stored = self.get(item_id)
        return Result(Status.OK, stored.value, stored)

    def read_many(self, ids: Sequence[Any]) -> list[Result]:
        """Return a result each, in their order: ``OK``, or ``Not Found`` and None."""
        return [_found(Status.OK, stored) for stored in self.get_many(ids)]

    def read_all(self) -> list[Result]:
        """Return all objects there are, in no order; `select` has pages."""
        return [_found(Status.OK, stored) for stored in self._fetch_all()]

    def update_one(self, shield: Any, *, if_version: str | None = None) -> Result:
        """Store an object in place of the one with its id; without *if_version* it may be a new one, as in Brubeck.

        Args:
            shield: an object of the model, or a mapping that makes one.
            if_version: the version that is to be replaced, or `ANY_VERSION`.

        Returns:
            ``Updated``, or ``Created``, and the object.

        Raises:
            NotFound: with *if_version*: there is none.
            VersionConflict: it has another version.
            Invalid: it is no valid object of the model.
            Unstorable: the store cannot hold it.
        """
        if if_version is None:
            return self.create_one(shield)
        value = self._object(shield)
        stored = self._stored(value)
        with self._step():
            self._swap(stored, if_version)
            self._queue(ChangeKind.UPDATED, stored)
        self._listeners.tell()
        return Result(Status.UPDATED, value, stored)

    def update_many(self, shields: Sequence[Any]) -> list[Result]:
        """Do `update_one` with each, all in as few steps as the store can; all or none if one is not valid."""
        return self.create_many(shields)

    def destroy_one(self, item_id: Any, *, if_version: str | None = None) -> Result:
        """Remove an object.

        Args:
            item_id: its id.
            if_version: the version that it has to have, or `ANY_VERSION`.

        Returns:
            ``Updated``, as in Brubeck, and the object as it was.

        Raises:
            NotFound: there is none.
            VersionConflict: it has another version.
        """
        key = self._key(item_id)
        with self._step():
            stored = self._remove([key])[0] if if_version is None else self._remove_version(key, if_version)
            if stored is not None:
                self._queue(ChangeKind.DESTROYED, stored)
        self._listeners.tell()
        if stored is None:
            raise self._not_found(str(item_id))
        return _found(Status.UPDATED, stored)

    def destroy_many(self, item_ids: Sequence[Any]) -> list[Result]:
        """Remove objects; return a result each: ``Updated`` and the object, or ``Not Found`` and None."""
        keys = [self._key(one) for one in item_ids]
        different = list(dict.fromkeys(keys))
        with self._step():
            removed = dict(zip(different, self._remove(different), strict=True))
            self._queue_destroyed(removed.values())
        self._listeners.tell()
        return [_found(Status.UPDATED, removed.pop(key, None)) for key in keys]

    def destroy_all(self) -> list[Result]:
        """Remove all objects; return a result each: ``Updated`` and the object."""
        with self._step():
            removed = self._remove_all()
            self._queue_destroyed(removed)
        self._listeners.tell()
        return [_found(Status.UPDATED, stored) for stored in removed]

    # -- objects as they are stored

    def get(self, item_id: Any) -> Stored:
        """Return an object as it is stored, which costs less than to make it; `NotFound` if there is none."""
        stored = self._fetch([self._key(item_id)])[0]
        if stored is None:
            raise self._not_found(str(item_id))
        return stored

    def get_many(self, ids: Sequence[Any]) -> list[Stored | None]:
        """Return objects as they are stored, in the order of their ids; None for each that is not there."""
        return self._fetch([self._key(one) for one in ids])

    # -- changes of a part

    def patch_one(self, item_id: Any, changes: Mapping[str, Any], *, if_version: str | None = None) -> Result:
        """Give fields of an object other values, and leave the rest as it is at that moment.

        Args:
            item_id: its id.
            changes: values by the names of fields, as `Model.load_partial` returns them or as JSON has them.
            if_version: the version that it has to have, or `ANY_VERSION`.

        Returns:
            ``Updated``, and the object with the changes.

        Raises:
            NotFound: there is none.
            VersionConflict: it has another version.
            Invalid: with the changes it is no valid object.
            Unstorable: the store cannot hold it.
        """
        keys = {name: shape.key for name, shape in self.all_shapes.items()}
        part = {keys.get(name, name): _jsonable(value) for name, value in changes.items()}

        def change(stored: Stored) -> Any:
            document = {**msgspec.json.decode(stored.data), **part}
            return self.model.load(msgspec.json.encode(document))

        return self.change_one(item_id, change, if_version=if_version)

    def change_one(self, item_id: Any, change: Callable[[Stored], Any], *, if_version: str | None = None) -> Result:
        """Replace an object by what *change* makes of it; errors are those of `patch_one`, and its own.

        Args:
            item_id: its id.
            change: is given the object as it is stored, and returns an object with the same id. Without *if_version*
                it is called anew whenever another change came between.
            if_version: the version that it has to have, or `ANY_VERSION`.
        """
        while True:
            before = self.get(item_id)
            if if_version not in (None, ANY_VERSION, before.version):
                raise VersionConflict(before.id, str(if_version))
            value = self._object(change(before))
            if (now := str(self._id_of(value))) != before.id:
                raise ValidationError(f"expected the id to stay {before.id!r:.80}, got {now!r:.80}")
            try:
                return self.update_one(value, if_version=before.version)
            except VersionConflict:
                if if_version not in (None, ANY_VERSION):
                    raise

    # -- the change stream

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* with every `Change` that is made through this queryset, after it has happened.

        Changes are told one after the other; what a listener raises is logged. Calling what is returned ends it.
        """
        return self._listeners.add(listener)

    # -- what a store has to do; keys are different from each other

    def _step(self) -> AbstractContextManager[Any]:
        """Return what to hold while something changes and is noted for the listeners."""
        return nullcontext()

    def _fetch_one(self, key: str) -> Stored | None:
        return self._fetch([key])[0]

    def _fetch(self, keys: Sequence[str]) -> list[Stored | None]:
        raise NotImplementedError

    def _fetch_all(self) -> list[Stored]:
        raise NotImplementedError

    def _save(self, items: Sequence[Stored]) -> list[bool]:
        """Store objects, also in place of others; return which are new."""
        raise NotImplementedError

    def _add(self, items: Sequence[Stored]) -> list[bool]:
        """Store those whose ids are new; return which are."""
        raise NotImplementedError

    def _swap(self, item: Stored, version: str) -> None:
        """Store an object in place of the one with *version*; `NotFound`, `VersionConflict`."""
        raise NotImplementedError

    def _remove(self, keys: Sequence[str]) -> list[Stored | None]:
        raise NotImplementedError

    def _remove_version(self, key: str, version: str) -> Stored:
        """Remove the object with *version*; `NotFound`, `VersionConflict`."""
        raise NotImplementedError

    def _remove_all(self) -> list[Stored]:
        raise NotImplementedError

    # -- help for them

    def _not_found(self, key: str) -> NotFound:
        return NotFound(f"there is no {self._name} with the id {key!r:.80}")

    @property
    def _name(self) -> str:
        return "object" if self.model_class is None else self._model.name

    def _queue(self, kind: ChangeKind, stored: Stored) -> None:
        self._listeners.queue(Change(kind, stored))

    def _queue_destroyed(self, removed: Iterable[Stored | None]) -> None:
        for stored in removed:
            if stored is not None:
                self._queue(ChangeKind.DESTROYED, stored)


def _found(status: Status, stored: Stored | None) -> Result:
    return Result(Status.NOT_FOUND, None) if stored is None else Result(status, stored.value, stored)


def _runs_of_different(items: Sequence[Stored]) -> Iterable[list[Stored]]:
    """Yield the items in runs in which no two have the same id."""
    run: list[Stored] = []
    ids: set[str] = set()
    for one in items:
        if one.id in ids:
            yield run
            run, ids = [], set()
        run.append(one)
        ids.add(one.id)
    if run:
        yield run


def _jsonable(value: Any) -> Any:
    """Return a value that JSON can hold in place of one of a model; objects of models may be anywhere in it."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=_raw))


def _raw(value: Any) -> Any:
    if is_model(value):
        kind: Any = type(value)
        return msgspec.Raw(adapt(kind).dump(value, None))
    raise TypeError(f"expected what JSON can hold, got {value!r:.80}")
