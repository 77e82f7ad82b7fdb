"""A chat for all who have its page open: ``gunicorn -k gevent examples.chat:app``.

Then open localhost:8000 in two browsers; with ``-w 2`` two workers serve them.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.chat:app``.
Workers hear each other over ZeroMQ: ``pip install 'brubeck-wsgi[zmq]'``.
"""

import os
from pathlib import Path

from brubeck_wsgi import Brubeck, Response, WebSocketHandler
from brubeck_wsgi.channels import PresenceChange, ZMQChannels

PAGE = (Path(__file__).parent / "pages" / "chat.html").read_text()

app = Brubeck(channels=ZMQChannels())


@app.get("/")
def page(application, message):
    return Response(PAGE, content_type="text/html; charset=utf-8")


@app.route("/chat")
class ChatHandler(WebSocketHandler):
    max_message_size = 10_000

    def websocket(self, ws):
        name = self.get_argument("name", "somebody")[:50] or "somebody"
        room = self.application.channels["chat"]
        past = room.history(limit=20)
        with (
            room.subscribe(after=past.position, presence=True) as subscription,
            room.present(name, {"worker": os.getpid()}),
        ):
            for message in past:
                ws.send_json(message.data)
            ws.send_json({"members": room.members()})
            self.tasks.spawn(self.tell, ws, room, subscription)
            for text in ws:
                room.publish({"name": name, "text": str(text)})

    def tell(self, ws, room, subscription):
        for message in subscription:
            if isinstance(message, PresenceChange):
                ws.send_json({"members": room.members()})
            else:
                ws.send_json(message.data)
