"""Documents that check what is sent and know who sees what: ``gunicorn -k gevent examples.dictshield:app``.

Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.dictshield:app``.
"""

from brubeck_wsgi import Brubeck, NotFound, WebMessageHandler
from brubeck_wsgi.dictshield import (
    Document,
    EmailField,
    EmbeddedDocument,
    EmbeddedDocumentField,
    IntField,
    ListField,
    StringField,
)


class Comment(EmbeddedDocument):
    text = StringField(required=True, max_length=500)
    email = EmailField()
    _public_fields = ("text",)


class Song(Document):
    title = StringField(required=True, max_length=40)
    beats = IntField(min_value=1, default=4)
    notes = StringField()
    comments = ListField(EmbeddedDocumentField(Comment))
    _public_fields = ("title", "beats", "comments")


class SongsHandler(WebMessageHandler):
    def get(self):
        return list(songs.values())

    def post(self):
        song = self.load(Song)
        songs[song.title] = song
        return song, 201


class SongHandler(WebMessageHandler):
    def get(self, title):
        return self.dump(find(title), "owner")

    def patch(self, title):
        song = find(title)
        for name, value in self.load_partial(Song).items():
            song[name] = value
        return song


def find(title):
    if title not in songs:
        raise NotFound("no such song")
    return songs[title]


songs: dict[str, Song] = {}
app = Brubeck(handler_tuples=[("^/songs$", SongsHandler), ("/songs/{title}", SongHandler)])
