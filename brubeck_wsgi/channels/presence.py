"""Who is in which channel: members, as each process says of those it serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from brubeck_wsgi.channels.messages import PresenceChange

Members: TypeAlias = dict[str, dict[str, Any]]
"""By channel: its members, and what is said about them."""


class Headcount:
    """The members that this process serves; one may be there several times, in several windows."""

    def __init__(self) -> None:
        self.members: Members = {}
        self._times: dict[tuple[str, str], int] = {}

    def enter(self, channel: str, member: str, info: Any) -> None:
        """Count *member* once more; what is said about one is what was said last."""
        self._times[channel, member] = self._times.get((channel, member), 0) + 1
        self.members.setdefault(channel, {})[member] = info

    def leave(self, channel: str, member: str) -> bool:
        """Count *member* once less; return whether that was the last time."""
        left = self._times.get((channel, member), 0) - 1
        if left:
            if left > 0:  # or it came in before this process was forked, and is its parent's
                self._times[channel, member] = left
            return False
        del self._times[channel, member]
        _discard(self.members, channel, member)
        return True


class Roster:
    """The members of all processes."""

    def __init__(self) -> None:
        self._processes: dict[str, Members] = {}

    def members(self, channel: str) -> dict[str, Any]:
        """Return who is in a channel, and what is said about each."""
        found: dict[str, Any] = {}
        for members in self._processes.values():
            found.update(members.get(channel, {}))
        return found

    def enter(self, process: str, channel: str, member: str, info: Any) -> list[PresenceChange]:
        """Note that a process serves a member; return what that changes."""
        is_known = member in self.members(channel)
        self._processes.setdefault(process, {}).setdefault(channel, {})[member] = info
        return [] if is_known else [PresenceChange(channel, member, info, True)]

    def leave(self, process: str, channel: str, member: str) -> list[PresenceChange]:
        """Note that a process serves a member no more; return what that changes."""
        info = _discard(self._processes.get(process, {}), channel, member)
        return [] if member in self.members(channel) else [PresenceChange(channel, member, info, False)]

    def replace(self, process: str, members: Members) -> list[PresenceChange]:
        """Note all that a process serves; return what that changes."""
        before = self._processes.get(process, {})
        channels = [*before, *(channel for channel in members if channel not in before)]
        known = {channel: self.members(channel) for channel in channels}
        self._processes[process] = {channel: dict(found) for channel, found in members.items() if found}
        return [change for channel in channels for change in changes(channel, known[channel], self.members(channel))]

    def remove(self, process: str) -> list[PresenceChange]:
        """Forget a process; return what that changes."""
        found = self.replace(process, {})
        del self._processes[process]
        return found


def changes(channel: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[PresenceChange]:
    """Return who has left and who has come between two moments."""
    left = [(member, info, False) for member, info in before.items() if member not in after]
    came = [(member, info, True) for member, info in after.items() if member not in before]
    return [PresenceChange(channel, *change) for change in left + came]


def _discard(members: Members, channel: str, member: str) -> Any:
    found = members.get(channel)
    if found is None:
        return None
    info = found.pop(member, None)
    if not found:
        del members[channel]
    return info
