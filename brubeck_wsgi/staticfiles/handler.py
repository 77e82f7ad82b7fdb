"""The handler that serves a folder: which file, whether all of it, and with which headers (RFC 9110 §8, §13, §14)."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from brubeck_wsgi.errors import HTTPError, MethodNotAllowed, NotFound
from brubeck_wsgi.headers import checked_header
from brubeck_wsgi.interfaces import Environ, HeaderList
from brubeck_wsgi.middleware.codings import preferred_codings
from brubeck_wsgi.response import Response, made
from brubeck_wsgi.staticfiles.bodies import ByteRanges, FileSlice
from brubeck_wsgi.staticfiles.conditions import Validators, allows_range, failed_condition
from brubeck_wsgi.staticfiles.content_types import TYPES, content_type_of
from brubeck_wsgi.staticfiles.folder import Folder, OpenFile
from brubeck_wsgi.staticfiles.ranges import Range, parse_range
from brubeck_wsgi.timekeeping import http_date

if TYPE_CHECKING:
    from brubeck_wsgi.request import Request

CacheControl: TypeAlias = str | Callable[[str], str | None] | None
"""The Cache-Control of files, or a function that returns it for a path below the folder; None for none."""

_ENDINGS = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}  # best first: that is what they come to at full strength
_CODINGS = {ending: coding for coding, ending in _ENDINGS.items()}
_WHOLE = 64 * 1024  # up to this much is read and sent with the head: cheaper than handing the server a file
_SAFE = "!$&'()*+,;=:@/?%~"  # what a query may hold (RFC 3986 §3.4)


class StaticFiles:
    """A handler function for a route that has the rest of the path as ``path``.

    Args:
        folder: what is served, with all that is in it, except names that begin with a dot and links that lead out.
        index: the file that answers for a folder; None if there is none.
        cache_control: the Cache-Control of what is found, or a function that returns it for a path below the folder;
            None for none. By default a client asks each time whether what it has is still good.
        precompressed: whether ``style.css.br``, ``.zst`` or ``.gz`` is sent for ``style.css`` where the client
            takes it and it is not older.
        dotfiles: names that begin with a dot and are served all the same, ``[".well-known"]``.
        types: the Content-Type of more endings, or others for known ones, ``{"mid": "audio/midi"}``.

    Raises:
        ConfigurationError: *folder* or *dotfiles* cannot be used.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        index: str | None = "index.html",
        cache_control: CacheControl = "no-cache",
        precompressed: bool = True,
        dotfiles: Collection[str] = (),
        types: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = Folder(folder, dotfiles)
        self._index = index
        self._cache_control = cache_control
        self._codings = tuple(_ENDINGS) if precompressed else ()
        own = {
            ending.lower().lstrip("."): checked_header("Content-Type", kind)[1]
            for ending, kind in (types or {}).items()
        }
        self._types = {**TYPES, **own}

    def __call__(self, application: Any, message: Request, path: str = "") -> Response:
        """Answer a request for *path* below the folder.

        Raises:
            NotFound: nothing is there.
            Forbidden: it may not be read.
            MethodNotAllowed: the method is neither GET nor HEAD.
            HTTPError: 412 or 416, a condition or a range that does not hold.
        """
        environ = message.environ
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(("GET", "HEAD"))
        url = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "") or "/"
        is_folder = url.endswith("/")
        if is_folder:
            if self._index is None:
                raise NotFound("nothing is there")
            path += self._index if not path or path.endswith("/") else f"/{self._index}"
        found = self._folder.open(path, self._endings(environ))
        if found.file is None:
            if is_folder:
                raise NotFound("nothing is there")
            return _redirection(url, environ)
        try:
            return self._answer(environ, path, found, found.file)
        except BaseException:
            found.file.close()
            raise

    def _endings(self, environ: Environ) -> tuple[str, ...]:
        accepted = environ.get("HTTP_ACCEPT_ENCODING")
        if not accepted or not self._codings:
            return ()
        return tuple(_ENDINGS[coding] for coding in preferred_codings(accepted, self._codings))

    def _answer(self, environ: Environ, path: str, found: OpenFile, file: io.FileIO) -> Response:
        status = found.status
        now = time.time()
        # RFC 9110 §8.8.2.1: never later than the answer, whatever the clock of who wrote the file said.
        modified = max(0, min(int(status.st_mtime), int(now)))
        validators = Validators(f'"{status.st_mtime_ns:x}-{status.st_size:x}{found.ending}"', modified)
        headers = self._headers(path, validators)
        failed = failed_condition(environ, validators)
        if failed == 412:
            raise HTTPError(412, "expected the file to be in another state")
        if failed is not None:
            file.close()
            return _made(b"", failed, headers)
        headers.append(("Last-Modified", http_date(modified)))
        headers.append(("Accept-Ranges", "bytes"))
        if found.ending:
            headers.append(("Content-Encoding", _CODINGS[found.ending]))
        content_type = content_type_of(path, self._types)
        parts = None
        if "HTTP_RANGE" in environ and environ["REQUEST_METHOD"] == "GET" and allows_range(environ, validators, now):
            parts = parse_range(environ["HTTP_RANGE"], status.st_size)
        if parts is None or parts == [(0, 0)]:  # the end of an empty file, of which there are no parts
            return _whole(file, status.st_size, content_type, headers, environ)
        if not parts:
            raise HTTPError(
                416,
                f"expected a range within the {status.st_size} bytes of the file",
                headers={"Content-Range": f"bytes */{status.st_size}"},
            )
        return _partial(file, parts, status.st_size, content_type, headers)

    def _headers(self, path: str, validators: Validators) -> HeaderList:
        """Return what an answer has with a content and without (RFC 9110 §15.4.5)."""
        headers = [("ETag", validators.etag), ("X-Content-Type-Options", "nosniff")]
        if self._codings:
            headers.append(("Vary", "Accept-Encoding"))
        cache_control = self._cache_control
        if callable(cache_control):
            cache_control = cache_control(path)
        if cache_control is not None:
            headers.append(checked_header("Cache-Control", cache_control))
        return headers


def _whole(file: io.FileIO, size: int, content_type: str, headers: HeaderList, environ: Environ) -> Response:
    headers = [("Content-Type", content_type), *headers]
    if environ["REQUEST_METHOD"] == "HEAD":
        file.close()
        return _made(b"", 200, [*headers, ("Content-Length", str(size))])
    if size > _WHOLE:
        return _made(FileSlice(file, (0, size)), 200, [*headers, ("Content-Length", str(size))])
    with file:
        return _made(file.read(size), 200, headers)


def _partial(file: io.FileIO, parts: list[Range], size: int, content_type: str, headers: HeaderList) -> Response:
    if len(parts) > 1:
        body = ByteRanges(file, parts, size, content_type)
        of_parts = [("Content-Type", body.content_type), ("Content-Length", str(body.length))]
        return _made(body, 206, [*of_parts, *headers])
    start, stop = parts[0]
    of_part = [
        ("Content-Type", content_type),
        ("Content-Range", f"bytes {start}-{stop - 1}/{size}"),
        ("Content-Length", str(stop - start)),
    ]
    return _made(FileSlice(file, parts[0]), 206, [*of_part, *headers])


def _redirection(url: str, environ: Environ) -> Response:
    """Return what sends the client to the same URL with a slash behind it, where relative links are right."""
    # Relative, so that no path can lead to another host, and with a dot, so that none looks like a scheme.
    location = f"./{quote(url.rpartition('/')[2].encode('latin-1', 'replace'), safe='')}/"
    query = environ.get("QUERY_STRING", "")
    if query:
        location += f"?{quote(query.encode('latin-1', 'replace'), safe=_SAFE)}"
    return Response("", 301, {"Location": location})


def _made(body: bytes | FileSlice | ByteRanges, status_code: int, headers: HeaderList) -> Response:
    response = made(body, headers)
    response.status_code = status_code
    return response
