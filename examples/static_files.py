"""A folder, for browsers and for pages elsewhere: ``gunicorn -k gevent examples.static_files:app``.

Then ``curl localhost:8000``, and ``curl -i -H 'Range: bytes=0-2' localhost:8000/static/hello.py``.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.static_files:app``.
"""

from pathlib import Path

import examples
from brubeck_wsgi import Brubeck
from brubeck_wsgi.middleware import CORS, Compression
from brubeck_wsgi.staticfiles import StaticFiles

FOLDER = Path(examples.__file__).parent

app = Brubeck()

# No ".." and no link leads out of the folder, and names that begin with a dot are not there.
files = StaticFiles(FOLDER, cache_control="public, max-age=60", types={"py": "text/x-python; charset=utf-8"})
app.get("/static/{path:path}", name="static")(files)


@app.get("/")
def index(application, message):
    return [application.url_for("static", path=path.name) for path in sorted(FOLDER.glob("*.py"))]


app.add_middleware(Compression)  # gzip, and Brotli or Zstandard where they are installed
app.add_middleware(CORS, origins=["https://quartet.example"])  # whose pages may read the files
