"""An application whose workers talk through channels: over ZeroMQ, or through Redis if there is a ``REDIS_URL``."""

from __future__ import annotations

import os

from brubeck_wsgi import Brubeck
from brubeck_wsgi.channels import Channels, RedisChannels, ZMQChannels
from brubeck_wsgi.handlers.events import ServerSentEvent, event_stream, last_event_id


def make_channels() -> Channels:
    url = os.environ.get("REDIS_URL")
    if url is None:
        # Without a directory the workers find each other by themselves.
        return ZMQChannels(directory=os.environ.get("CHANNELS_DIRECTORY"), history=10_000)
    from redis import Redis

    return RedisChannels(Redis.from_url(url), history=10_000)


app = Brubeck(channels=make_channels())


@app.get("/")
def process(application, message):
    return str(os.getpid())


@app.get("/stream")
def stream(application, message):
    return event_stream(message, events(application.channels, last_event_id(message.environ)))


def events(channels, after):
    with channels.subscribe("news", after=after, limit=10_000) as subscription:
        yield ServerSentEvent(id=subscription.position, comment=str(os.getpid()))
        for message in subscription:
            yield ServerSentEvent(message.json, id=message.position)


@app.post("/publish")
def publish(application, message):
    return application.channels.publish("news", message.get_argument("data"))


@app.get("/present/{member}")
def present(application, message, member):
    def stay():
        with application.channels.present("news", member):
            yield f"{os.getpid()}\n"
            with application.channels.subscribe("never") as subscription:
                yield from subscription

    return stay()


@app.get("/members")
def members(application, message):
    return application.channels.members("news")
