"""Publish and subscribe: in this process, between all processes of a machine or several, and through Redis."""

from brubeck_wsgi.channels.base import Channels, NamedChannel
from brubeck_wsgi.channels.in_memory import MemoryChannels
from brubeck_wsgi.channels.messages import Batch, Message, PresenceChange
from brubeck_wsgi.channels.subscriptions import SlowSubscriber, Subscription, SubscriptionClosed
from brubeck_wsgi.channels.with_redis import RedisChannels
from brubeck_wsgi.channels.with_zmq import ZMQChannels

__all__ = [
    "Batch",
    "Channels",
    "MemoryChannels",
    "Message",
    "NamedChannel",
    "PresenceChange",
    "RedisChannels",
    "SlowSubscriber",
    "Subscription",
    "SubscriptionClosed",
    "ZMQChannels",
]
