"""``python -m brubeck_wsgi``: the ``brubeck`` command, where its script is not on the path."""

from __future__ import annotations

import sys

from brubeck_wsgi.cli import main

if __name__ == "__main__":
    sys.exit(main())
