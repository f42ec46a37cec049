"""A browser without a window, for the pages that customers pay on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import playwright
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from local import browsers

#: What drives a browser from Node comes with the Python package.
FOR_NODE = Path(playwright.__file__).parent / "driver" / "package"


def executable() -> str:
    """Return the path of Chromium; without one, the test is skipped, or fails where CI is set."""
    found = browsers.chromium()
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(browsers.MISSING)
    pytest.skip(browsers.MISSING)


@contextmanager
def started() -> Iterator[Browser]:
    """Start a browser. It loads nothing from beyond this machine."""
    with sync_playwright() as driver:
        engine = driver.chromium.launch(executable_path=executable())
        try:
            yield engine
        finally:
            engine.close()


@contextmanager
def opened(engine: Browser) -> Iterator[Page]:
    """Open a page in a window that shares nothing with others."""
    with engine.new_context(accept_downloads=True) as window:
        page = window.new_page()
        page.set_default_timeout(60_000)
        yield page


def choose_card(page: Page, card: str) -> None:
    """Choose a test card on a page of the double, by its last digits or its id at Stripe."""
    page.check(f'input[value="{card}"]')
