"""Handlers for the web: headers, cookies, arguments, redirects; and the one that answers JSON."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from brubeck_wsgi.cookies import SIGNED_LIFETIME, CookieJar, Secret, unsign
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.handlers.answers import encode_json, make_response
from brubeck_wsgi.handlers.base import MessageHandler
from brubeck_wsgi.headers import Headers, HeaderSource, with_vary
from brubeck_wsgi.response import JSON, Response, made

_URL_SAFE = "%/:=&?~#+!$,;'@()*[]|"  # what a URL may hold already (RFC 3986 §2.2), and "%" of what is quoted
# What says something of the body, and goes with it (RFC 9110 §8, RFC 6266).
_BODY_HEADERS = (
    *("Content-Type", "Content-Encoding", "Content-Language", "Content-Length", "Content-Location"),
    *("Content-Disposition", "Content-Range", "ETag", "Last-Modified"),
)


def render(
    body: Any, status_code: int = 200, status_msg: str | None = None, headers: HeaderSource | None = None
) -> Response:
    """Return a response made of its parts, for handlers that are functions.

    Args:
        body: anything that a handler may return; None for an empty body.
        status_code: 200 to 599.
        status_msg: the reason phrase; the registered one by default.
        headers: by name.
    """
    response = make_response("" if body is None else body).copy()
    response.status_code, response.status_msg = status_code, status_msg
    if headers:
        _replace_headers(response, Headers(headers))
    return response


def redirect_location(url: str) -> str:
    """Return *url* fit for a Location header; `ValueError` if it could inject a header."""
    if not isinstance(url, str) or not url or any(ord(character) < 32 or ord(character) == 127 for character in url):
        raise ValueError(f"expected a URL without control characters, got {url!r:.80}")
    return quote(url, safe=_URL_SAFE)


def _replace_headers(response: Response, headers: Headers) -> None:
    own = response.headers
    varying = ",".join(own.get_all("Vary"))  # what an answer depends on is no less for what else it depends on
    for name in headers:
        own.pop(name, None)
    response.header_list += headers.pairs
    if varying:
        response.header_list = with_vary(response.header_list, *map(str.strip, varying.split(",")))


class WebMessageHandler(MessageHandler):
    """A handler for HTTP.

    Attributes:
        body: what `render` sends; `set_body` sets it, with the status.
    """

    body: Any = ""
    _http_200 = False
    _headers: Headers | None = None
    _cookies: CookieJar | None = None

    # -- what the client sent

    def get_argument(self, name: str, default: Any = None, strip: bool = True) -> Any:
        """Return the last value of a query or form argument; *default* if it was not sent."""
        return self.message.get_argument(name, default, strip)

    def get_arguments(self, name: str, strip: bool = True) -> list[str]:
        """Return all values of a query or form argument; ``[]`` if it was not sent."""
        return self.message.get_arguments(name, strip)

    def get_cookie(
        self,
        key: str,
        default: Any = None,
        secret: Secret | bool | None = None,
        max_age: int | None = SIGNED_LIFETIME,
    ) -> Any:
        """Return the value of a cookie.

        Args:
            key: its name.
            default: what to return if it was not sent, or its signature does not hold.
            secret: what it was signed with, or several; True for the application's `cookie_secret`.
            max_age: how old a signed one may be, in seconds; None for any age.
        """
        value = self.message.cookies.get(key)
        if value is None:
            return default
        if not secret:
            return value
        try:
            return unsign(key, value, self._secret(secret), max_age)
        except ValueError:
            return default

    # -- what the client gets

    @property
    def headers(self) -> Headers:
        """The headers of the answer; setting the attribute replaces them all."""
        headers = self._headers
        if headers is None:
            headers = self._headers = Headers()
            self._is_changed = True
        self._rendered = self._rendered and False
        return headers

    @headers.setter
    def headers(self, headers: HeaderSource) -> None:
        self._headers = Headers(headers)
        self._is_changed = True
        self._rendered = self._rendered and False

    @property
    def cookies(self) -> CookieJar:
        """The cookies that the answer sets."""
        cookies = self._cookies
        if cookies is None:
            cookies = self._cookies = CookieJar()
            self._is_changed = True
        self._rendered = self._rendered and False
        return cookies

    def set_cookie(self, key: str, value: Any, secret: Secret | bool | None = None, **attributes: Any) -> None:
        """Set a cookie, in place of an earlier one of the same name, path and domain.

        Args:
            key: its name, a token.
            value: text; with a secret, anything that JSON can hold.
            secret: signs the value; several: the first signs. True for the application's `cookie_secret`.
            attributes: `path` ("/" by default), `domain`, `max_age` (seconds), `expires` (datetime or seconds
                since 1970), `secure`, `httponly`, `samesite` ("Strict", "Lax", "None"). A signed cookie is
                ``HttpOnly`` and ``SameSite=Lax``, and ``Secure`` over https, if nothing else is said.

        Raises:
            TypeError: a value that is no text, without a secret.
            ValueError: a name, an attribute or a size that browsers refuse.
        """
        if secret:
            attributes.setdefault("secure", self.environ.get("wsgi.url_scheme") == "https")
            self.cookies.set(key, value, secret=self._secret(secret), **attributes)
        else:
            self.cookies.set(key, value, **attributes)

    def delete_cookie(self, key: str, path: str | None = "/", domain: str | None = None, **attributes: Any) -> None:
        """Tell the browser to forget a cookie; *path*, *domain* and the others as they were when it was set."""
        self.cookies.delete(key, path=path, domain=domain, **attributes)

    def delete_cookies(self) -> None:
        """Tell the browser to forget every cookie that it sent."""
        for key in self.message.cookies:
            self.delete_cookie(key)

    def set_body(self, body: Any, headers: HeaderSource | None = None, status_code: int = 200) -> None:
        """Set what `render` sends.

        Args:
            body: text, bytes, or anything else that a handler may return; a number is sent as text, None as
                an empty body.
            headers: replace all headers set so far.
            status_code: 200 to 599.
        """
        self.body = body
        self.set_status(status_code)
        if headers is not None:
            self.headers = headers

    def redirect(self, url: str, status_code: int = 302) -> Response:
        """Return the answer that sends the client to *url*; headers and cookies set so far go with it.

        Args:
            url: absolute or relative; what a URL cannot hold is percent-encoded.
            status_code: 301, 302, 303, 307 or 308 (RFC 9110 §15.4).

        Raises:
            ValueError: control characters in *url*, or a status that is no redirection.
        """
        if status_code not in (301, 302, 303, 307, 308):
            raise ValueError(f"expected a redirection status, got {status_code!r}")
        location = redirect_location(url)
        self.clear_payload()
        self.set_status(status_code)
        self._http_200 = False
        self.headers["Location"] = location
        return self._keep(self.complete(Response("", status_code)))

    def clear_payload(self) -> None:
        """Forget the payload, and the body with the headers that describe it; the status stays."""
        super().clear_payload()
        self.body = ""
        if self._headers is not None:
            for name in _BODY_HEADERS:
                self._headers.pop(name, None)

    def render(
        self,
        status_code: int | None = None,
        status_msg: str | None = None,
        headers: HeaderSource | None = None,
        http_200: bool = False,
        **options: Any,
    ) -> Response:
        """Return the answer as the handler's state has it: body, status, headers and cookies.

        Args:
            status_code: sets the status first.
            status_msg: the reason phrase that goes with it.
            headers: replace all headers set so far.
            http_200: send status 200 whatever the state says, for clients that cannot read other answers.
        """
        if status_code is not None or status_msg is not None:
            self.set_status(status_code or self._status_code, status_msg)
        if headers is not None:
            self.headers = headers
        self._http_200 = http_200 or (self._is_repeated and self._http_200)
        response = self.complete(self._body_response())
        if self._http_200:
            response.status_code, response.status_msg = 200, None
        return self._keep(response)

    def render_error(
        self, status_code: int, status_msg: str | None = None, extra_txt: str | None = None, **options: Any
    ) -> Response:
        """Return an error answer in place of what was to be said; headers and cookies set so far go with it."""
        self.body = super().render_error(status_code, status_msg, extra_txt, **options)
        self._http_200 = False
        return self._keep(self._with_headers(self.body))

    def forget(self) -> None:
        super().forget()
        self._headers = self._cookies = None
        self._http_200 = False

    def complete(self, response: Response) -> Response:
        response = super().complete(response)
        if self._headers is not None or self._cookies is not None:
            response = self._with_headers(response)
        return response

    def _with_headers(self, response: Response) -> Response:
        response = response.copy()
        if self._headers:
            _replace_headers(response, self._headers)
        for line in self._cookies.lines() if self._cookies else ():
            if ("Set-Cookie", line) not in response.header_list:  # it may have them: what `render` made, returned late
                response.header_list.append(("Set-Cookie", line))
        return response

    def _body_response(self) -> Response:
        body = self.body
        if body is None:
            return make_response("")
        return make_response(str(body) if isinstance(body, int | float) else body)

    def _secret(self, secret: Secret | bool) -> Secret:
        if secret is not True:
            return secret  # type: ignore[return-value]  # False has been sorted out
        application_secret: Secret | None = self.application.cookie_secret
        if application_secret is None:
            raise ConfigurationError("expected Brubeck(cookie_secret=…) to sign cookies with")
        return application_secret


class JSONMessageHandler(WebMessageHandler):
    """A handler whose answer is its payload, as JSON.

    The payload leaves with ``status_code`` and ``status_msg`` beside what `add_to_payload` added; with
    ``hide_status`` its ``data`` alone.
    """

    _hide_status = False

    def render(
        self,
        status_code: int | None = None,
        status_msg: str | None = None,
        headers: HeaderSource | None = None,
        http_200: bool = False,
        hide_status: bool = False,
        **options: Any,
    ) -> Response:
        """Return the payload as JSON.

        Args:
            hide_status: send only the payload's ``data``, if it has any; the others as `WebMessageHandler.render`.
        """
        self._hide_status = hide_status or (self._is_repeated and self._hide_status)
        return super().render(status_code, status_msg, headers, http_200, **options)

    def render_error(
        self, status_code: int, status_msg: str | None = None, extra_txt: str | None = None, **options: Any
    ) -> Response:
        """Return a payload with nothing but the error's status."""
        self.clear_payload()
        self.set_status(status_code, status_msg, extra_txt)
        return self.render()

    def forget(self) -> None:
        super().forget()
        self._hide_status = False

    def _body_response(self) -> Response:
        payload = self._payload
        if self._hide_status and "data" in payload:
            return made(encode_json(payload["data"]), [("Content-Type", JSON)])
        status = {"status_code": self.status_code, "status_msg": self.status_msg}
        return made(encode_json(status | payload), [("Content-Type", JSON)])
