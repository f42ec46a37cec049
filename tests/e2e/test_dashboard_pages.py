"""Every page and open sheet of the dashboard: for all eyes, on every screen."""

from collections.abc import Iterable, Iterator

import pytest
from playwright.sync_api import Browser, Error, Page

from local import shots
from local.shots import SHOTS, Shot
from local.stack import Stack
from tests.e2e.accessibility import BY_COLOR, BY_COLOR_AND_WIDTH, faults
from tests.e2e.dashboard import DESKTOP, PHONE, Dashboard, fits, heard
from tests.e2e.furnished import furnish

pytestmark = pytest.mark.e2e
_ORGANIZATION = "pages"
#: Of the pages some are about what there is not.
_REFUSED = (400, 404)


@pytest.fixture(scope="module")
def dashboard(stack: Stack, engine: Browser) -> Dashboard:
    dashboard = Dashboard(stack, engine, _ORGANIZATION)
    furnish(stack, dashboard.shop, _ORGANIZATION)
    return dashboard


def test_everybody_can_read_and_use_every_page_and_sheet(dashboard: Dashboard) -> None:
    with dashboard.page(refused=_REFUSED) as page:
        link = shots.prepare(page, dashboard.url)
        found = wrong(page, SHOTS, dashboard)
        invitation = Shot("invitation", link.removeprefix(dashboard.url))
        with shots.another(page) as window:
            nobody = window.new_page()
            complaints = heard(nobody)
            found |= wrong(nobody, (Shot("sign-in", "/sign-in"), invitation), dashboard)
        with shots.end_sessions(page, dashboard.url) as window:
            again = Shot("sign-in-again", "/customers?q=hopper")
            found |= wrong(window.new_page(), (again,), dashboard)

    assert found == {}
    assert complaints == []


def wrong(page: Page, pages: Iterable[Shot], dashboard: Dashboard) -> dict[str, list[str]]:
    """Return what is wrong with pages, by their names: wide and light, narrow and dark."""
    looked_at = ((shot.name, list(_wrong(page, shot, dashboard))) for shot in pages)
    return {name: found for name, found in looked_at if found}


def _wrong(page: Page, shot: Shot, dashboard: Dashboard) -> Iterator[str]:
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    try:
        shot.take(page, dashboard.url)
    except Error as failure:
        yield str(failure)
        return
    yield from faults(page)
    # Colours do not depend on the width, nor room on colours: one more look covers the rest.
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)
    # What lies below an open menu is nothing to press.
    is_covered = page.locator("details.menu[open]").count() > 0
    yield from faults(page, BY_COLOR if is_covered else BY_COLOR_AND_WIDTH)
    if not fits(page):
        yield "scrolls sideways"
