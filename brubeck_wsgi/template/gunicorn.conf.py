"""Gunicorn's settings; Gunicorn reads this file from the directory that it is started in.

They suit any worker, on Heroku and elsewhere. Not here, since Gunicorn takes them from the environment: the
port (PORT; without it 127.0.0.1:8000) and the number of workers (WEB_CONCURRENCY; without it one).
"""

import os

from brubeck_wsgi.workers import register

# From here on -k gevent and -k eventlet mean Brubeck's workers, which serve any WSGI application.
register()

# Heroku's router keeps idle connections to an app for 90 seconds. The side that gives up first must be the
# router: if it were us, it could send a request into a connection that we have just closed.
keepalive = 95

# Heroku ends a process 30 seconds after it asked it to stop; the requests in progress get this long before
# that, and their workers some seconds to be ended in order. Connections that are only kept open do not hold
# them up for more than a second. (They do with Gunicorn's own workers, which take all of it.)
graceful_timeout = 25

# Who may say, with X-Forwarded-Proto, that a request came over HTTPS. On a Heroku dyno nobody but the router
# can connect, from addresses that change; anywhere else this would let any client claim what it likes, and
# Gunicorn's default of the loopback addresses, or FORWARDED_ALLOW_IPS, holds.
if "DYNO" in os.environ and "FORWARDED_ALLOW_IPS" not in os.environ:
    forwarded_allow_ips = "*"

# Gunicorn would open a socket under the home directory that takes orders from gunicornc.
control_socket_disable = True

# No access log: the application has one of its own, Brubeck(log_level="INFO"), and most routers have one too.
# For Gunicorn's on standard output: accesslog = "-"
