"""Everybody who is here hears what anybody says: a WebSocket over WSGI, behind Mongrel2 or Gunicorn alike."""

from brubeck_wsgi import ChannelClosed
from brubeck_wsgi.websocket import HandshakeRefused, WebSocketChannel

PAGE = b"""<!doctype html>
<title>Chat</title>
<form><input autofocus><button>Say</button></form>
<ul></ul>
<script>
  const socket = new WebSocket(location.href.replace("http", "ws"));
  socket.onmessage = event => document.querySelector("ul").append(
    Object.assign(document.createElement("li"), {textContent: event.data}));
  document.forms[0].onsubmit = event => {
    event.preventDefault();
    socket.send(event.target[0].value);
    event.target.reset();
  };
</script>
"""

here: set[WebSocketChannel] = set()


def chat(environ, start_response):
    """Answer a browser with the page, and the page's WebSocket with the talk."""
    if "HTTP_SEC_WEBSOCKET_KEY" not in environ:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE]
    try:
        channel = WebSocketChannel.accept(environ)
    except HandshakeRefused as refused:
        start_response(f"{refused.status} Refused", [("Content-Length", "0"), *refused.headers])
        return []
    here.add(channel)
    try:
        for message in channel:
            say(message)
    finally:
        here.discard(channel)
    return []


def say(message):
    """Send *message* to all that are here; who has left by now hears nothing."""
    for channel in list(here):
        try:
            channel.send(message)
        except ChannelClosed:
            here.discard(channel)
