"""A real browser for tests, without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from servers import DEADLINE_SECONDS


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """Start Chromium; yield its driver (Selenium's), and end it. Skips the test where it is not installed.

    What a test looks for on a page is waited for: a click is over before the page that it leads to is there.

    Args:
        profile: a folder of its own.
    """
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("Chromium and its driver are not installed")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={profile}"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        browser.implicitly_wait(DEADLINE_SECONDS)
        yield browser
    finally:
        browser.quit()
