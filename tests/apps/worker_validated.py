"""An application inside of the standard library's validator, which knows PEP 3333."""

from __future__ import annotations

from wsgiref.validate import validator


@validator
def app(environ, start_response):
    """Answer what the path says, with the body of the request, if there is one, read in one of three ways."""
    way = environ["PATH_INFO"].rpartition("/")[2]
    body = environ["wsgi.input"]
    if way == "lines":
        received = b"".join(body.readlines())
    elif way == "iteration":
        received = b"".join(body)
    else:
        received = b"".join(iter(lambda: body.read(5), b""))
    environ["wsgi.errors"].write("")
    status = "204 No Content" if way == "nothing" else "200 OK"
    headers = [] if way == "nothing" else [("Content-Type", "text/plain")]
    write = start_response(status, headers)
    if way == "write":
        write(b"written ")
    if way == "nothing":
        return []
    if way == "stream":
        return iter([b"streamed ", received])
    return [received or b"empty"]
