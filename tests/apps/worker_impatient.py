"""The workers with little patience, so that tests of slow clients need not have much.

``-k tests.apps.worker_impatient.gevent`` and ``….eventlet``.
"""

from __future__ import annotations

from functools import partial

from brubeck_wsgi import workers
from brubeck_wsgi.gateway import connection, server, wire
from brubeck_wsgi.gateway.patience import Patience

# Not less than two: the server looks at its clock once a second.
server.HEAD_SECONDS = 2.0
connection.Patience = wire.Patience = partial(Patience, grace=2.0)

gevent = workers.GeventWorker
eventlet = workers.EventletWorker
