"""The examples about files: a folder that is served, and uploads, those from a real browser too."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode

import pytest
from browsers import chromium
from doors import SERVERS, serving
from servers import ROOT
from webtest import TestApp

from examples import static_files, upload

TAKE = b"take five " * 20_000
SIZE_ONCE_SHOWN = (
    "const picture = document.images[0]; return picture.decode().then(() => [picture.width, picture.height])"
)
SHA256 = hashlib.sha256(TAKE).hexdigest()


def test_static_files_are_found_by_the_links_to_them():
    client = TestApp(static_files.app)

    (link,) = [path for path in client.get("/").json if path.endswith("hello.py")]
    answer = client.get(link)

    assert answer.body == (ROOT / "examples" / "hello.py").read_bytes()
    assert answer.headers["Content-Type"] == "text/x-python; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=60"


def test_static_files_are_compressed_and_may_be_read_by_pages_elsewhere():
    headers = {"Accept-Encoding": "gzip", "Origin": "https://quartet.example"}

    answer = TestApp(static_files.app).get("/static/upload.py", headers=headers)

    assert answer.body == (ROOT / "examples" / "upload.py").read_bytes()  # WebTest has decoded it
    assert answer.headers["ETag"].startswith("W/")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://quartet.example"
    assert answer.headers["Vary"] == "Accept-Encoding, Origin"


@pytest.mark.parametrize("path", ["/", "/stream"])
def test_uploaded_files_are_answered_with_what_is_in_them(path):
    files = [("take", "take one.wav", TAKE), ("take", "two.wav", b"")]

    answer = TestApp(upload.app).post(path, {"title": "Take Five"}, upload_files=files)

    empty = hashlib.sha256(b"").hexdigest()
    assert answer.json == {
        "title": "Take Five",
        "takes": [
            {"filename": "take one.wav", "bytes": len(TAKE), "sha256": SHA256},
            {"filename": "two.wav", "bytes": 0, "sha256": empty},
        ],
    }


@pytest.mark.browser
@pytest.mark.parametrize("door", SERVERS)
def test_form_is_uploaded_from_a_browser(tmp_path, door):
    files = [tmp_path / "take “five”.wav", tmp_path / 'a "quoted"; name.txt']
    for file in files:
        file.write_bytes(TAKE)

    with serving(door, "examples.upload:app") as server, chromium(tmp_path / "profile") as browser:
        kept, streamed = (
            uploaded(browser, f"http://127.0.0.1:{server.port}/", files, button) for button in ("Keep", "Stream")
        )

    assert kept == streamed
    assert kept["title"] == "Tiré à cinq ♮"
    assert kept["takes"] == [{"filename": file.name, "bytes": len(TAKE), "sha256": SHA256} for file in files]


def uploaded(browser, url, files, button):
    """Fill in the form at *url*, press the button, and return what is answered."""
    browser.get(url)
    browser.find_element("name", "title").send_keys("Tiré à cinq ♮")
    browser.find_element("name", "take").send_keys("\n".join(map(str, files)))
    browser.find_element("xpath", f"//button[.='{button}']").click()
    return json.loads(browser.find_element("tag name", "pre").text)


@pytest.mark.browser
@pytest.mark.parametrize("door", SERVERS[-1:])
def test_picture_is_shown_in_a_browser(tmp_path, door):
    picture = tmp_path / "five.gif"
    picture.write_bytes(b64decode("R0lGODdhBQAEAIABAP8AAP///ywAAAAABQAEAAACBISPCQUAOw=="))  # 5 by 4

    with serving(door, "examples.multipart:app") as server, chromium(tmp_path / "profile") as browser:
        browser.get(f"http://127.0.0.1:{server.port}/")
        browser.find_element("name", "title").send_keys("5 < 4")
        browser.find_element("name", "picture").send_keys(str(picture))
        browser.find_element("tag name", "button").click()
        title = browser.find_element("tag name", "h1").text
        size = browser.execute_script(SIZE_ONCE_SHOWN)

    assert (title, size) == ("5 < 4", [5, 4])
