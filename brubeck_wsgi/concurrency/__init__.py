"""The scheduler behind one face: what runs greenlets, on gevent or on eventlet."""
