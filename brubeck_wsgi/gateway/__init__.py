"""Between a connection and a WSGI application: environ, body, and one exchange after the other."""
