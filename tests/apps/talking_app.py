"""WebSockets that echo what they hear, publish some of it to all others, and are members of a room meanwhile."""

from __future__ import annotations

import os

from brubeck_wsgi import Brubeck, WebSocketHandler
from brubeck_wsgi.channels import ZMQChannels

PUBLISHED_EACH = 5

app = Brubeck(channels=ZMQChannels(history=100_000))


@app.get("/")
def process(application, message):
    return str(os.getpid())


@app.get("/members")
def members(application, message):
    return application.channels.members("room")


@app.route("/talk/{name}")
class Talk(WebSocketHandler):
    def websocket(self, ws, name):
        room = self.application.channels["room"]
        after = self.get_argument("after", "0")
        with room.subscribe(after=after, limit=100_000) as subscription, room.present(name, os.getpid()):
            ws.send_json({"pid": os.getpid(), "is_complete": subscription.is_complete})
            self.tasks.spawn(self.tell, ws, subscription)
            for text in ws:
                number = int(text.partition(" ")[0])
                if number % PUBLISHED_EACH == 0:
                    room.publish([os.getpid(), name, number])
                ws.send(text)

    def tell(self, ws, subscription):
        for message in subscription:
            ws.send_json({"heard": message.data, "position": message.position})
