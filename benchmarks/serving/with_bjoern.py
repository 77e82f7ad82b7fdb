"""Serve an application of serving.wsgi_apps with bjoern: ``python -m serving.with_bjoern PORT NAME``."""

import sys

import bjoern

from serving import wsgi_apps

bjoern.run(getattr(wsgi_apps, sys.argv[2]), "127.0.0.1", int(sys.argv[1]))
