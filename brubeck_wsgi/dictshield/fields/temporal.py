"""Fields of time: moments as text, as seconds and as milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any  # values before validation

from brubeck_wsgi.dictshield.errors import Path, ShieldException
from brubeck_wsgi.dictshield.fields.base import BaseField
from brubeck_wsgi.dictshield.fields.numbers import LongField
from brubeck_wsgi.dictshield.hooks import hooked
from brubeck_wsgi.dictshield.releasing import iso_text
from brubeck_wsgi.dictshield.sourcecode import Code
from brubeck_wsgi.errors import ValidationError
from brubeck_wsgi.timekeeping import as_utc, datetime_to_millis, from_timestamp, moment_of, parse_iso8601


class DateTimeField(BaseField[datetime]):
    """A moment; ISO 8601 in JSON.

    Args:
        format: how JSON has it: a pattern for `datetime.strftime`, or a callable; ISO 8601 by default.
        options: those of `BaseField`.
    """

    json_type = "string"

    def __init__(self, format: str | Callable[[datetime], Any] = iso_text, **options: Any) -> None:
        self.format = format
        super().__init__(**options)

    def convert(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return value
        moment = moment_of(value) if isinstance(value, str) else None
        if moment is None:
            raise self.error("Not a datetime", value)
        return moment

    def read(self, value: Any, path: Path, place: str | int, errors: list[ShieldException]) -> Any:
        if type(self) is not DateTimeField or not isinstance(value, str) or self.choices or self.validation is not None:
            return super().read(value, path, place, errors)
        # As the longer way would have it, but nothing is raised and caught.
        moment = moment_of(value)
        if moment is None:
            errors.append(ShieldException("Not a datetime", self.field_name, value, (*path, place)))
        return moment or value

    @classmethod
    def iso8601_to_date(cls, datestring: str) -> datetime:
        """Return the moment of an ISO 8601 text; `ShieldException` if it is none."""
        try:
            return parse_iso8601(datestring)
        except ValidationError as error:
            raise ShieldException(str(error), None, datestring) from error

    @classmethod
    def date_to_iso8601(cls, dt: datetime, format: str | Callable[[datetime], Any]) -> Any:
        """Return a moment as text, by a pattern for `datetime.strftime` or a callable."""
        return format(dt) if callable(format) else dt.strftime(format)

    def for_json(self, value: Any) -> Any:
        return self.date_to_iso8601(self.convert(value), self.format)

    def schema_limits(self) -> dict[str, Any]:
        return {"format": "date-time"}

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        # Without an offset a moment is no date-time of RFC 3339; most clients send one, and tools know the name.
        return {"type": "string", "format": "date-time"} if self.format is iso_text else {}

    def annotation(self) -> Any:
        return datetime

    def kind(self) -> type | None:
        return datetime

    def text_kind(self) -> type | None:
        return datetime

    def limits(self, code: Code, value: str) -> list[str]:
        return []

    def view(self, code: Code, value: str, role: str | None) -> str:
        if self.format is iso_text and not self.is_custom("for_json", "for_python", "release"):
            return value  # msgspec writes the same
        return self.view_call(code, value, self.for_json)


class TimeStampField(DateTimeField):
    """A moment that is a number in JSON: whole seconds since 1970-01-01 UTC. One without a time zone is UTC."""

    json_type = "number"

    def convert(self, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.timestamp_to_date(value)
        return super().convert(value)

    @classmethod
    def timestamp_to_date(cls, value: float) -> datetime:
        """Return the moment so many seconds after 1970-01-01 UTC; `ShieldException` if there is none."""
        try:
            return from_timestamp(value)
        except ValidationError as error:
            raise ShieldException("Not a datetime", None, value) from error

    @classmethod
    def date_to_timestamp(cls, value: datetime) -> int:
        """Return the seconds since 1970-01-01 UTC, rounded."""
        return round(as_utc(value).timestamp())

    def for_json(self, value: Any) -> Any:
        return self.date_to_timestamp(self.convert(value))

    def schema_limits(self) -> dict[str, Any]:
        return {"format": "utc-seconds"}

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        return {"type": ["integer", "string"]} if schemas.is_input else {"type": "integer"}

    def annotation(self) -> Any:
        return hooked(self.validate)

    def text_kind(self) -> type | None:
        return None

    def view(self, code: Code, value: str, role: str | None) -> str:
        return self.view_call(code, value, self.for_json)


class MillisecondField(LongField):
    """A moment as milliseconds since 1970-01-01 UTC; datetimes and ISO 8601 text become that."""

    def convert(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return datetime_to_millis(value)
        if isinstance(value, str) and "-" in value[1:]:
            moment = moment_of(value)
            if moment is None:
                raise self.error("Not a datetime", value)
            return datetime_to_millis(moment)
        return super().convert(value)
