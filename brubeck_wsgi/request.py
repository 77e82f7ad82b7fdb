"""A request: WebOb's, with Brubeck's names, strict about what the client sent.

Whatever cannot be decoded raises an `HTTPError` of the 4xx kind where it is first read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import IO, Any, ClassVar, Self, cast

import msgspec
import webob.request
from webob.descriptors import environ_decoder
from webob.multidict import MultiDict

from brubeck_wsgi.body import MAX_BODY_SIZE, BodyFile, LimitedBody
from brubeck_wsgi.cookies import parse_cookies
from brubeck_wsgi.errors import BadRequest, UnsupportedMediaType
from brubeck_wsgi.formdata import (
    DEFAULT_LIMITS,
    MULTIPART,
    URLENCODED,
    Arguments,
    FormLimits,
    StreamedPart,
    UploadedFile,
    decode_text,
    parse_multipart,
    parse_urlencoded,
    stream_parts,
)
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.requestid import request_id

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f]")
_JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json\Z", re.IGNORECASE)


class Request(webob.request.Request):
    """What the client asks; `webob.Request` in all that is not said here.

    Args:
        environ: the WSGI environ; parsed forms are kept in it, so that requests over one environ agree.
        max_body_size: the largest body to read, in bytes; a larger one raises `ContentTooLarge`.

    Attributes:
        form_limits: what a multipart form may have; a subclass may say otherwise.
    """

    form_limits: ClassVar[FormLimits] = DEFAULT_LIMITS

    def __init__(self, environ: Environ, max_body_size: int = MAX_BODY_SIZE) -> None:
        # WebOb's own __init__ checks options that are never given here, in twice the time.
        own = self.__dict__
        own["environ"] = environ
        own["max_body_size"] = max_body_size

    @classmethod
    def blank(cls, path: str, *arguments: Any, **options: Any) -> Self:
        """Return a request for *path* out of nothing, as `webob.Request.blank` does."""
        return cls(webob.request.Request.blank(path, *arguments, **options).environ)

    def copy(self) -> Self:
        """Return the same request over an environ of its own."""
        self.make_body_seekable()
        copy = type(self)(self.environ.copy(), self.max_body_size)
        copy.make_body_seekable()
        return copy

    def copy_get(self) -> Self:
        """Return a GET for the same over an environ of its own, without the body."""
        copy = type(self)(self.environ.copy(), self.max_body_size)
        copy.method, copy.content_type, copy.body = "GET", "", b""
        return copy

    @property
    def request_id(self) -> str:
        """The id of this request: the client's ``X-Request-Id``, or one made for it."""
        return request_id(self.environ)

    @property
    def arguments(self) -> Arguments:
        """Every argument with its values: those of the query first, then those of the form.

        Raises:
            BadRequest: query or form cannot be decoded.
            ContentTooLarge: the form is larger than `max_body_size`.
        """
        own = self.__dict__
        arguments: Arguments | None = own.get("_arguments")
        if arguments is None:
            environ = self.environ
            arguments = parse_urlencoded(environ.get("QUERY_STRING", ""))
            if environ.get("CONTENT_TYPE"):
                for name, values in self._form()[0].items():
                    arguments[name] = [*arguments.get(name, ()), *values]
            own["_arguments"] = arguments
        return arguments

    @property
    def files(self) -> dict[str, list[UploadedFile]]:
        """The uploaded files by the name of their field; errors as `arguments` has them."""
        return self._form()[1]

    def parts(self) -> Iterator[StreamedPart]:
        """Return the fields and files of a multipart form, each read while it arrives.

        It can be done once, and instead of `arguments` and `files`, which then have nothing of the form.

        Raises:
            UnsupportedMediaType: the body is no multipart form.
            RuntimeError: the form has been read before.
            BadRequest, ContentTooLarge: while they are read, as `arguments` has them.
        """
        environ = self.environ
        if _media_type(environ.get("CONTENT_TYPE", "")) != MULTIPART:
            raise UnsupportedMediaType(f"expected a multipart form, got Content-Type {self.content_type[:60]!r}")
        if "brubeck.form" in environ:
            raise RuntimeError("expected a form that nobody has read: arguments and files read it too")
        parts = stream_parts(self._form_stream(), environ["CONTENT_TYPE"], self.max_body_size, self.form_limits)
        environ["brubeck.form"] = {}, {}
        return parts

    @property
    def POST(self) -> MultiDict[str, Any]:  # noqa: N802  # WebOb's name
        """The form as WebOb has it: values and files by name, one after the other."""
        arguments, files = self._form()
        pairs: list[tuple[str, Any]] = [(name, value) for name, values in arguments.items() for value in values]
        pairs += [(name, file) for name, uploads in files.items() for file in uploads]
        return MultiDict(pairs)

    def get_arguments(self, name: str, strip: bool = True) -> list[str]:
        """Return the values of an argument; ``[]`` if it was not sent.

        Control characters become blanks; `arguments` has the values as they were sent.
        """
        return [_clean(value, strip) for value in self.arguments.get(name, ())]

    def get_argument(self, name: str, default: Any = None, strip: bool = True) -> Any:
        """Return the last value of an argument; *default* if it was not sent."""
        values = self.arguments.get(name)
        if not values:
            return default
        value = values[-1]
        if not value.isprintable():
            value = _UNPRINTABLE.sub(" ", value)
        return value.strip() if strip else value

    @property
    def cookies(self) -> dict[str, str]:  # type: ignore[override]  # a plain dictionary, read strictly
        """The cookies by name; `BadRequest` if one is not UTF-8."""
        return parse_cookies(self.environ.get("HTTP_COOKIE", ""))

    @property
    def body(self) -> bytes:
        """The whole body; it can be read again afterwards, here and as ``wsgi.input``.

        Raises:
            BadRequest: the client sent less than it declared.
            ContentTooLarge: it is larger than `max_body_size`.
            UnsupportedMediaType: a multipart form was read from it before, as a stream. To have both, read
                the body first.
        """
        environ = self.environ
        body: bytes | None = environ.get("brubeck.body")
        if body is None:
            if "brubeck.form" in environ:
                # No RuntimeError: a client makes this happen where a handler expects another kind of body.
                raise UnsupportedMediaType("expected a body that is no multipart form")
            is_begun = "brubeck.body_file" in environ
            body = self.body_file.read() if is_begun else LimitedBody(environ, self.max_body_size).read_all()
            self.body = body
        return body

    @body.setter
    def body(self, body: bytes | None) -> None:
        body = body or b""
        self._replace_input(io.BytesIO(body))
        self.environ["brubeck.body"] = body
        self.environ["CONTENT_LENGTH"] = str(len(body))

    @property  # type: ignore[override]  # types-WebOb promises no more than read()
    def body_file(self) -> IO[bytes]:
        """The body as a file that ends where the body ends; reading it raises what `body` raises.

        Unless `body` was read before, it is a stream: what is read from it, `body` will not have.
        """
        environ = self.environ
        stream = environ["wsgi.input"]
        if "brubeck.body" in environ:
            return cast(IO[bytes], stream)
        wrapped, file = environ.get("brubeck.body_file", (None, None))
        if wrapped is not stream:
            file = io.BufferedReader(BodyFile(LimitedBody(environ, self.max_body_size)))
            environ["brubeck.body_file"] = stream, file
        return cast(IO[bytes], file)

    @body_file.setter
    def body_file(self, file: IO[bytes]) -> None:
        self._replace_input(file)
        self.environ.pop("CONTENT_LENGTH", None)
        self.environ["wsgi.input_terminated"] = True

    @property
    def body_file_seekable(self) -> IO[bytes]:
        """The body as a file at its beginning, which can seek; errors as `body` has them."""
        self.make_body_seekable()
        return self.body_file

    def make_body_seekable(self) -> None:
        """Have ``wsgi.input`` be the whole body in memory, at its beginning."""
        self.body = self.body  # a new file over it

    copy_body = make_body_seekable

    @property
    def json(self) -> Any:
        """The JSON body as plain data.

        Raises:
            UnsupportedMediaType: the Content-Type is not JSON. A browser sends JSON across sites only
                after it asked, so this check is part of the protection against forged requests.
            BadRequest: it is not valid JSON in UTF-8.
        """
        if not _JSON_TYPE.match(self.content_type.strip()):
            raise UnsupportedMediaType(f"expected a JSON body, got Content-Type {self.content_type[:60]!r}")
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise BadRequest(f"expected a JSON body: {str(error)[:200]}") from None

    json_body = json

    @property
    def text(self) -> str:  # type: ignore[override]  # WebOb has it settable, which is of no use here
        """The body as text of its charset, UTF-8 if none is said; `BadRequest` if it is not."""
        charset = self.charset or "UTF-8"
        try:
            return decode_text(self.body, charset)
        except (ValueError, LookupError):
            raise BadRequest(f"expected a body in {charset[:40]}") from None

    def is_disconnect(self) -> bool:
        """Tell whether this is a notice that the client has left; over WSGI it never is."""
        return False

    def should_close(self) -> bool:
        """Tell whether the client wants the connection closed afterwards (RFC 9112 §9.6)."""
        options = {option.strip().lower() for option in self.environ.get("HTTP_CONNECTION", "").split(",")}
        return "close" in options or (self.environ.get("SERVER_PROTOCOL") == "HTTP/1.0" and "keep-alive" not in options)

    def _form(self) -> tuple[Arguments, dict[str, list[UploadedFile]]]:
        environ = self.environ
        form: tuple[Arguments, dict[str, list[UploadedFile]]] | None = environ.get("brubeck.form")
        if form is None:
            header = environ.get("CONTENT_TYPE", "")
            kind = _media_type(header)
            if kind == URLENCODED:
                form = parse_urlencoded(self.body.decode("latin-1")), {}
            elif kind == MULTIPART:
                form = parse_multipart(self._form_stream(), header, self.max_body_size, self.form_limits)
            else:
                return {}, {}
            environ["brubeck.form"] = form
        return form

    def _form_stream(self) -> IO[bytes]:
        return io.BytesIO(self.body) if "brubeck.body" in self.environ else self.body_file

    def _replace_input(self, file: IO[bytes]) -> None:
        self.environ["wsgi.input"] = file
        for key in ("brubeck.body", "brubeck.form"):
            self.environ.pop(key, None)
        self.__dict__.pop("_arguments", None)


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _clean(value: str, strip: bool) -> str:
    if not value.isprintable():
        value = _UNPRINTABLE.sub(" ", value)
    return value.strip() if strip else value


def _guard(name: str, inherited: property) -> property:
    """Return *inherited*, raising `BadRequest` where WebOb stumbles over what the client sent."""

    def read(self: Request) -> Any:
        try:
            return inherited.fget(self)  # type: ignore[misc]  # all of WebOb's have a getter
        except (ValueError, OverflowError) as error:  # OverflowError: dates at the end of time
            raise BadRequest(f"expected a well-formed request, its {name} cannot be read") from error

    return property(read, inherited.fset, inherited.fdel, inherited.__doc__)


_inherited = dict(vars(webob.request.BaseRequest))
# PEP 3333 has servers leave out an empty PATH_INFO; WebOb's raises KeyError then.
_inherited["path_info"] = _inherited["upath_info"] = environ_decoder("PATH_INFO", "", encattr="url_encoding")
for _name, _attribute in _inherited.items():
    if isinstance(_attribute, property) and _name not in vars(Request):
        setattr(Request, _name, _guard(_name, _attribute))
