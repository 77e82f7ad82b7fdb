"""What an application may do before and after each operation of an API."""

from __future__ import annotations

from typing import Any  # objects of the application's classes

from brubeck_wsgi.autoapi.arguments import Wanted


class HooksMixin:
    """The hooks, which do nothing here. One that comes before may raise an `HTTPError`, and nothing has happened."""

    def before_list(self, wanted: Wanted) -> Wanted | None:
        """Change what a list is asked for: return it, or None. Filters that it adds hold for the feed too."""

    def after_list(self, values: list[Any]) -> None:
        """Do something after a list was read, with its objects."""

    def before_read(self, id: str) -> None:
        """Do something before an object is read."""

    def after_read(self, value: Any) -> None:
        """Do something after an object was read."""

    def before_create(self, value: Any) -> Any:
        """Change an object before it is stored for the first time: return it, or another, or None."""

    def after_create(self, value: Any) -> None:
        """Do something after an object was stored."""

    def before_update(self, value: Any, old: Any) -> Any:
        """Change an object before it is stored in place of *old*: return it, or another, or None."""

    def after_update(self, value: Any, old: Any) -> None:
        """Do something after an object was stored in place of *old*."""

    def before_patch(self, value: Any, old: Any) -> Any:
        """Do as `before_update`, which is what it calls, where a part of *old* was changed."""
        return self.before_update(value, old)

    def after_patch(self, value: Any, old: Any) -> None:
        """Do as `after_update`, which is what it calls, where a part of *old* was changed."""
        self.after_update(value, old)

    def before_delete(self, value: Any) -> None:
        """Do something before an object is removed."""

    def after_delete(self, value: Any) -> None:
        """Do something after an object was removed."""


NAMES = tuple(name for name in vars(HooksMixin) if name.startswith(("before_", "after_")))


def overridden(api: type) -> dict[str, bool]:
    """Return of each hook whether a class has one of its own."""
    has = {name: getattr(api, name) is not getattr(HooksMixin, name) for name in NAMES}
    for when in ("before", "after"):
        has[f"{when}_patch"] = has[f"{when}_patch"] or has[f"{when}_update"]
    return has
