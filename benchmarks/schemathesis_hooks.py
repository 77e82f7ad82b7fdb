"""What schemathesis cannot know of our requests: that an Idempotency-Key stands for one of them, and no other."""

from __future__ import annotations

import re
from uuid import uuid4

import schemathesis

from brubeck_wsgi.autoapi.idempotency import KEY_PATTERN


@schemathesis.hook
def before_call(context, case, arguments):
    """Give each request that has a valid key one of its own; what is no key stays as it is, and has to be refused."""
    for name, key in list((case.headers or {}).items()):
        if name.lower() == "idempotency-key" and re.match(KEY_PATTERN, key):
            quote = '"' if key.startswith('"') else ""
            case.headers[name] = f"{quote}{key.strip(quote)[:150]}-{uuid4()}{quote}"
