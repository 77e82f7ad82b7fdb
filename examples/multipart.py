"""A picture and its title in one form: ``gunicorn -k gevent examples.multipart:app``.

Then open localhost:8000 in a browser.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.multipart:app``.
"""

from base64 import b64encode
from html import escape

from brubeck_wsgi import Brubeck, UnprocessableContent, WebMessageHandler
from brubeck_wsgi.formdata import FormLimits

KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
FORM = """<!doctype html>
<title>Pictures</title>
<form method="post" enctype="multipart/form-data">
<p><label>Title <input name="title"></label> <label>Picture <input name="picture" type="file"></label></p>
<p><button>Show</button></p>
</form>
"""


class PictureHandler(WebMessageHandler):
    content_type = "text/html; charset=utf-8"
    form_limits = FormLimits(parts=2, part_bytes=1024 * 1024)

    def get(self):
        return FORM

    def post(self):
        picture = next(iter(self.message.files.get("picture", ())), None)
        content = picture.body if picture else b""
        # What the browser says of a file is only said: the first bytes of a picture tell what it is.
        kind = next((kind for begin, kind in KINDS.items() if content.startswith(begin)), None)
        if kind is None:
            raise UnprocessableContent("expected a picture, as PNG, JPEG or GIF")
        title = escape(self.get_argument("title", ""))
        return f'{FORM}<h1>{title}</h1>\n<img alt="{title}" src="data:{kind};base64,{b64encode(content).decode()}">\n'


app = Brubeck(handler_tuples=[(r"^/$", PictureHandler)])
