"""The Mongrel2 door: any WSGI application behind Mongrel2 (https://mongrel2.org), over ZeroMQ.

`Mongrel2Connection` serves in one process, over pyzmq; ``python -m brubeck_wsgi.mongrel2`` does so for any WSGI
application. The workers in `brubeck_wsgi.mongrel2.worker` serve under Gunicorn's process management.
"""
