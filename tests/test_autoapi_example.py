"""The example of AutoAPI, a list of things to do: browsers stay in step, whatever keeps it and whoever serves it."""

from __future__ import annotations

import pytest
from browsers import chromium
from redis_server import running_redis
from servers import free_port, running

pytestmark = [pytest.mark.serving, pytest.mark.browser]

TO_DO = "//li[not(@class='completed')]/span[.='{}']"
DONE = "//li[@class='completed']/span[.='{}']"


@pytest.fixture
def sqlite(tmp_path):
    pytest.importorskip("sqlalchemy")
    return str(tmp_path / "todo.sqlite")


@pytest.fixture
def redis():
    with running_redis() as url:
        yield url


@pytest.fixture
def postgresql(request):
    pytest.importorskip("sqlalchemy")
    server = request.getfixturevalue("postgres")
    return server.url(server.new_database()).replace("+psycopg", "")


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("redis", marks=pytest.mark.redis),
        pytest.param("postgresql", marks=pytest.mark.postgres),
    ]
)
def site(request):
    """The address of the example, on two workers."""
    port = free_port()
    command = ["gunicorn", "--no-control-socket", "-k", "brubeck_wsgi.workers.GeventWorker", "-w", "2"]
    place = request.getfixturevalue(request.param)
    with running([*command, "-b", f"127.0.0.1:{port}", "examples.todo.app:app"], port, TODO_DATABASE=place):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def browsers(site, tmp_path):
    """Two browsers, each with a profile of its own, that show the page."""
    with chromium(tmp_path / "one") as one, chromium(tmp_path / "other") as other:
        for browser in (one, other):
            browser.get(f"{site}/")
            browser.find_element("xpath", "//p[.='in step']")
        yield one, other


def test_two_browsers_stay_in_step(browsers):
    one, other = browsers

    add(one, "buy milk")
    other.find_element("xpath", TO_DO.format("buy milk"))
    add(other, "walk the dog")
    one.find_element("xpath", TO_DO.format("walk the dog"))
    other.find_element("xpath", "//li[span='buy milk']/input").click()
    one.find_element("xpath", DONE.format("buy milk"))
    one.find_element("xpath", "//li[span='buy milk']/button").click()
    other.find_element("xpath", "//ul[count(li)=1]/li[span='walk the dog']")
    one.find_element("xpath", "//ul[count(li)=1]/li[span='walk the dog']")


def test_browser_that_shows_a_part_stays_in_step_with_one_that_shows_all(browsers):
    part, everything = browsers
    for title in ("buy milk", "walk the dog"):
        add(everything, title)
        everything.find_element("xpath", TO_DO.format(title))
    part.find_element("id", "unfinished").click()
    part.find_element("xpath", "//ul[count(li)=2]")

    everything.find_element("xpath", "//li[span='buy milk']/input").click()

    part.find_element("xpath", "//ul[count(li)=1]/li[span='walk the dog']")
    everything.find_element("xpath", DONE.format("buy milk"))
    everything.find_element("xpath", "//li[span='buy milk']/input").click()
    part.find_element("xpath", "//ul[count(li)=2]")


def add(browser, title):
    browser.find_element("id", "title").send_keys(f"{title}\n")
