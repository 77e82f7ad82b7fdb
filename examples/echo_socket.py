"""A WebSocket that says again what it hears: ``gunicorn -k gevent examples.echo_socket:app``.

Then open http://localhost:8000/ in a browser. Behind Mongrel2:
``python -m brubeck_wsgi.mongrel2 examples.echo_socket:app``.
"""

from brubeck_wsgi import Brubeck, Response, WebSocketHandler

PAGE = """<!doctype html>
<title>Echo</title>
<input id="words" placeholder="say something"><ul id="heard"></ul>
<script>
  const socket = new WebSocket(location.href.replace(/^http/, "ws") + "echo");
  socket.onmessage = event => document.getElementById("heard").append(
    Object.assign(document.createElement("li"), {textContent: event.data}));
  document.getElementById("words").onchange = event => socket.send(event.target.value);
</script>
"""

app = Brubeck()


@app.get("/")
def page(application, message):
    return Response(PAGE, content_type="text/html; charset=utf-8")


@app.route("/echo")
class Echo(WebSocketHandler):
    def websocket(self, ws):
        for message in ws:
            ws.send(message)


@app.websocket("/shout")
def shout(application, message, ws):
    while True:
        ws.send_json({"heard": ws.receive_json()["words"].upper()})
