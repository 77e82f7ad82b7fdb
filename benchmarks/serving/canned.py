"""The limit for servers on gevent's sockets: answers without parsing. ``python -m serving.canned PORT``."""

import sys

from gevent.server import StreamServer

ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: canned\r\nDate: Tue, 24 Nov 2026 22:59:00 GMT\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 13\r\n%b\r\nHello, world!"
)
KEPT, LAST = ANSWER % b"", ANSWER % b"Connection: close\r\n"


def serve(client, address):
    """Answer each arrival."""
    while data := client.recv(16384):
        if b"Connection: close" in data:
            client.sendall(LAST)
            break
        client.sendall(KEPT)


StreamServer(("127.0.0.1", int(sys.argv[1])), serve, backlog=2048).serve_forever()
