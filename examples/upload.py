"""Files from a form, kept or read as they arrive: ``gunicorn -k gevent examples.upload:app``.

Then open localhost:8000 in a browser, or ``curl -F take=@README.md localhost:8000/stream``.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.upload:app``.
"""

import hashlib

from brubeck_wsgi import Brubeck, WebMessageHandler

PAGE = """<!doctype html>
<title>Upload</title>
<form action="/" method="post" enctype="multipart/form-data">
<p><label>Title <input name="title"></label> <label>Takes <input name="take" type="file" multiple></label></p>
<p><button>Keep</button> <button formaction="/stream">Stream</button></p>
</form>
"""


class UploadHandler(WebMessageHandler):
    """Has the whole form before it begins: small files in memory, large ones on disk."""

    max_body_size = 20 * 1024 * 1024

    def get(self):
        self.headers["Content-Type"] = "text/html; charset=utf-8"
        return PAGE

    def post(self):
        takes = [
            {
                "filename": file.filename,
                "bytes": file.size,
                "sha256": hashlib.file_digest(file.file, "sha256").hexdigest(),
            }
            for file in self.message.files.get("take", ())
        ]
        return {"title": self.get_argument("title"), "takes": takes}


class StreamHandler(WebMessageHandler):
    """Reads the form as it arrives, and never has more of it than a piece."""

    max_body_size = 10 * 1024 * 1024 * 1024

    def post(self):
        title, takes = None, []
        for part in self.message.parts():
            if part.filename is None:
                title = part.text()
                continue
            digest, size = hashlib.sha256(), 0
            for piece in part:
                digest.update(piece)
                size += len(piece)
            takes.append({"filename": part.filename, "bytes": size, "sha256": digest.hexdigest()})
        return {"title": title, "takes": takes}


app = Brubeck(handler_tuples=[(r"^/$", UploadHandler), (r"^/stream$", StreamHandler)])
