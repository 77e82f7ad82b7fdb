"""Fields of text: any text, URLs, e-mail addresses, and hashes in hexadecimal."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal  # Any: values before validation

from msgspec import Meta

from brubeck_wsgi.dictshield.errors import InvalidShield, Path, ShieldException
from brubeck_wsgi.dictshield.fields.base import BaseField, write_doubts
from brubeck_wsgi.dictshield.sourcecode import Code

# Possessive quantifiers (Python 3.11): what has matched is never tried again in another way, so that a long text that
# does not match is refused in one pass. Written out for both cases: re.IGNORECASE costs three times as much.
_LABEL = r"[A-Za-z0-9][A-Za-z0-9-]{0,62}+(?<!-)"
_TOP_LEVEL = r"(?:[A-Za-z]{2,63}+|[Xx][Nn]--[A-Za-z0-9-]{1,59})"
_DOMAIN = rf"(?:{_LABEL}\.)+{_TOP_LEVEL}\.?"
_ATOM = r"[-!#$%&'*+/=?^_`{|}~0-9A-Za-z]++"
_QUOTED = r'"(?:[\x01-\x08\x0b\x0c\x0e-\x1f!#-\[\]-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*+"'
# Most addresses, and nothing that the rest of the patterns would not take: they are through a fifth sooner.
_COMMON_URL = r"https?://(?:[a-z0-9]{1,63}+\.)++[a-z]{2,63}+(?:/[!-~]*+)?+"
_COMMON_ADDRESS = r"[a-z0-9]++(?:[._+-][a-z0-9]++)*+@(?:[a-z0-9]{1,63}+\.)++[a-z]{2,63}+"
_PORT = r"(?::[0-9]{1,5})?"


class StringField(BaseField[str]):
    """Text; empty text counts as none.

    Args:
        regex: what the text has to begin with, as `re.match` has it.
        max_length: in characters.
        min_length: in characters.
        options: those of `BaseField`.
    """

    json_type = "string"

    def __init__(
        self,
        regex: str | re.Pattern[str] | None = None,
        max_length: int | None = None,
        min_length: int | None = None,
        **options: Any,
    ) -> None:
        self.regex = re.compile(regex) if regex else None
        self.max_length = max_length
        self.min_length = min_length
        super().__init__(**options)

    def convert(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise self.error("Invalid value", value)
        return value

    def to_value(self, value: Any) -> Any:
        return value if "convert" not in self._custom_methods else super().to_value(value)

    def read(self, value: Any, path: Path, place: str | int, errors: list[ShieldException]) -> Any:
        if isinstance(value, str) or self.choices is not None or self.validation is not None or self._custom_methods:
            return super().read(value, path, place, errors)
        # As the longer way would have it, but nothing is raised and caught.
        errors.append(ShieldException("Invalid value", self.field_name, value, (*path, place)))
        return value

    def keeps_all(self) -> bool:
        return self.default is None and not self._custom_methods

    def problem(self, value: Any) -> str | None:
        if self.max_length is not None and len(value) > self.max_length:
            return "String value is too long"
        if self.min_length is not None and len(value) < self.min_length:
            return "String value is too short"
        if self.regex is not None and self.regex.match(value) is None:
            return "String value did not match validation regex"
        return None

    def schema_limits(self) -> dict[str, Any]:
        pattern = None if self.regex is None else self.regex.pattern
        return {"maxLength": self.max_length, "minLength": self.min_length, "pattern": pattern}

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        # Our pattern is to match at the beginning; that of JSON Schema anywhere.
        pattern = self.regex.pattern if self.regex is not None else None
        if pattern is not None and not pattern.startswith("^"):
            pattern = f"^(?:{pattern})"
        return {"type": "string", "maxLength": self.max_length, "minLength": self.min_length, "pattern": pattern}

    def annotation(self) -> Any:
        if self._is_literal():
            return Literal[tuple(self.choices)]  # type: ignore[arg-type]  # there are some, says _is_literal
        limits = {"max_length": self.max_length, "min_length": self.min_length or (1 if self.required else None)}
        limits = {name: limit for name, limit in limits.items() if limit is not None}
        return Annotated[str, Meta(**limits)] if limits else str  # type: ignore[arg-type]  # lengths, both

    def _is_literal(self) -> bool:
        has_limits = self.max_length is not None or self.min_length is not None
        return bool(self.choices) and not has_limits and all(type(one) is str and one for one in self.choices or ())

    def absence(self, value: str) -> str:
        return f"not {value}"

    def kind(self) -> type | None:
        return str

    def limits(self, code: Code, value: str) -> list[str]:
        least = self.min_length or (1 if self.required else 0)
        if self.max_length is not None:
            between = f"{least} <= len({value}) <= {self.max_length}" if least else f"len({value}) <= {self.max_length}"
            limits = [f"not {between}"]
        else:
            limits = [f"len({value}) < {least}"] if least > 1 else [f"not {value}"] if least else []
        return limits + self.unseen(code, value, is_json=False)

    def unseen(self, code: Code, value: str, is_json: bool) -> list[str]:
        return [] if self.regex is None else [f"{code.name(self.regex.match, 'match')}({value}) is None"]

    def write_post(self, code: Code, value: str, is_json: bool) -> None:
        if self._is_literal() and self.validation is None and not self._custom_methods:
            write_doubts(code, self.unseen(code, value, is_json))  # the choices are in the type
        else:
            super().write_post(code, value, is_json)


class _PatternField(StringField):
    """Text of a fixed form.

    Attributes:
        pattern: the form, for the whole text.
        refusal: the reason of an error.
    """

    pattern: re.Pattern[str]
    refusal: str

    def problem(self, value: Any) -> str | None:
        problem = super().problem(value)
        return problem or (None if self.pattern.fullmatch(value) is not None else self.refusal)

    def unseen(self, code: Code, value: str, is_json: bool) -> list[str]:
        own = f"{code.name(self.pattern.fullmatch, 'match')}({value}) is None"
        return [*super().unseen(code, value, is_json), own]


class URLField(_PatternField):
    """A URL of ``http`` or ``https``.

    Args:
        verify_exists: not to be used. It made the server fetch whatever address a client typed in.
        options: those of `StringField`.
    """

    pattern = re.compile(
        rf"{_COMMON_URL}|"
        r"[hH][tT][tT][pP][sS]?://"
        rf"(?:{_DOMAIN}|[lL][oO][cC][aA][lL][hH][oO][sS][tT]|[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}|\[[0-9A-Fa-f:.]{{2,45}}\])"
        rf"{_PORT}(?:[/?#]\S*+)?"
    )
    URL_REGEX = pattern
    refusal = "Invalid URL"

    def __init__(self, verify_exists: bool = False, **options: Any) -> None:
        if verify_exists:
            raise InvalidShield("expected no verify_exists: it fetches what the user typed (request forgery)")
        super().__init__(**options)

    def schema_limits(self) -> dict[str, Any]:
        return {**super().schema_limits(), "format": "url"}

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        return {**super().json_schema(schemas), "format": "uri"}


class EmailField(_PatternField):
    """An e-mail address."""

    pattern = re.compile(rf"{_COMMON_ADDRESS}|(?:{_ATOM}(?:\.{_ATOM})*+|{_QUOTED})@{_DOMAIN}")
    EMAIL_REGEX = pattern
    refusal = "Invalid email address"

    def schema_limits(self) -> dict[str, Any]:
        return {**super().schema_limits(), "format": "email"}

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        return {**super().json_schema(schemas), "format": "email"}


class _HashField(_PatternField):
    """A hash in hexadecimal.

    Attributes:
        hash_length: how many digits it has.
    """

    hash_length: int
    title: str

    def problem(self, value: Any) -> str | None:
        return f"{self.title} value is wrong length" if len(value) != self.hash_length else super().problem(value)

    def schema_limits(self) -> dict[str, Any]:
        return {**super().schema_limits(), "maxLength": self.hash_length, "minLength": self.hash_length}

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        return {**super().json_schema(schemas), "pattern": f"^[0-9a-fA-F]{{{self.hash_length}}}$"}


class MD5Field(_HashField):
    """An MD5 hash: 32 hexadecimal digits."""

    hash_length = 32
    title = "MD5"
    pattern = re.compile(r"[0-9a-fA-F]{32}")
    refusal = "MD5 value is not hex"


class SHA1Field(_HashField):
    """A SHA-1 hash: 40 hexadecimal digits."""

    hash_length = 40
    title = "SHA1"
    pattern = re.compile(r"[0-9a-fA-F]{40}")
    refusal = "SHA1 value is not hex"
