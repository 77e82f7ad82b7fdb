"""What the application answers: ``python -m pytest``."""

import pytest
from app import app
from webtest import TestApp


@pytest.fixture
def client():
    return TestApp(app)


def test_index_says_take_five(client):
    assert client.get("/").text == "Take five, dude!\n"


def test_hello_answers_in_json(client):
    assert client.get("/hello/dave").json == {"hello": "dave"}


def test_unknown_path_is_not_found(client):
    client.get("/nowhere", status=404)
