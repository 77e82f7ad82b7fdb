"""Many clients that do nothing: ``python -m serving.crowd PORT COUNT PATH``.

Each sends a request for PATH. For ``/`` the answer is read, and the connection kept idle; for ``/wait`` the server
is asked now and then whether it has taken up all of them. A line on standard output says when all are there; they
leave when standard input ends.
"""

import socket
import sys
import time

BATCH = 256  # fewer than any server lets wait to be accepted
CLIENTS_AN_ADDRESS = 5000  # ports may be short
PATIENCE_SECONDS = 30


def connect(port: int, place: int) -> socket.socket:
    """Return a connection from an address of its own for some thousand *place*s."""
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: the port is chosen when the peer is known
    client.bind((f"127.0.0.{2 + place // CLIENTS_AN_ADDRESS}", 0))
    client.settimeout(PATIENCE_SECONDS)
    client.connect(("127.0.0.1", port))
    return client


def ask(client: socket.socket, path: str) -> None:
    """Send a request."""
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())


def answer(client: socket.socket) -> bytes:
    """Return the body of a response, which has 13 bytes."""
    data = b""
    while len(data.partition(b"\r\n\r\n")[2]) < 13:
        received = client.recv(4096)
        if not received:
            raise ConnectionError(f"expected an answer, got {data!r}")
        data += received
    return data.partition(b"\r\n\r\n")[2]


def wait_for(port: int, count: int) -> None:
    """Wait until the server says that *count* handlers wait."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with connect(port, 0) as client:
        while True:
            ask(client, "/count")
            waiting = int(answer(client))
            if waiting == count:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"expected {count} handlers to wait, got {waiting}")
            time.sleep(0.01)


def main() -> None:
    """Connect, tell, and wait for the end."""
    port, count, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    clients = []
    for place in range(count):
        client = connect(port, place)
        ask(client, path)
        if path != "/wait":
            answer(client)
        clients.append(client)
        if path == "/wait" and (len(clients) % BATCH == 0 or len(clients) == count):
            wait_for(port, len(clients))
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
