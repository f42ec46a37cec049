"""`make screenshots`: pictures of all pages of the dashboard, wide and narrow, light and dark.

They are taken from a stack of their own with the demo data, and laid in the folder `screenshots`.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Error, Page, ViewportSize, sync_playwright

from local import browsers, demo, first_user, shots
from local.first_user import SignIn
from local.processes import ROOT, Failed
from local.shots import SHOTS, Shot
from local.stack import Stack

FOLDER = ROOT / "screenshots"
_SIZES = {
    "desktop": ViewportSize(width=1280, height=800),
    "phone": ViewportSize(width=390, height=844),
}
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main() -> None:
    """Run the command."""
    try:
        chromium = _chromium()
        with _demonstrated() as signing_in:
            taken = _take(chromium, signing_in)
    except (Failed, Error) as failure:
        sys.exit(str(failure))
    print(f"{taken} pictures are in {FOLDER.relative_to(ROOT)}.")


def _chromium() -> str:
    found = browsers.chromium()
    if found is None:
        raise Failed(browsers.MISSING)
    return found


@contextmanager
def _demonstrated() -> Iterator[SignIn]:
    """A stack with the demo data and its owner; nothing of it is left behind."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), report=_say) as stack:
        _say("Loading the demo data")
        demo.load(stack)
        _say("Taking the pictures")
        yield first_user.sign_in(stack)


def _say(step: str) -> None:
    print(f"{step} ...", flush=True)


def _take(chromium: str, signing_in: SignIn) -> int:
    """Take all pictures; return how many."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium)
        try:
            page = browser.new_context().new_page()
            page.set_default_timeout(shots.PATIENCE_MS)
            _all(page, signing_in)
        finally:
            browser.close()
    return len(list(FOLDER.iterdir()))


def _all(page: Page, signing_in: SignIn) -> None:
    dashboard = signing_in.address
    _sizes(page, dashboard, Shot("sign-in", "/sign-in"))
    _sign_in(page, signing_in)
    link = shots.prepare(page, dashboard)
    for shot in SHOTS:
        _sizes(page, dashboard, shot)
    with shots.another(page) as nobody:
        address = link.removeprefix(dashboard)
        _sizes(nobody.new_page(), dashboard, Shot("invitation", address))
    with shots.end_sessions(page, dashboard) as ended:
        _sizes(ended.new_page(), dashboard, Shot("sign-in-again", "/customers?q=hopper"))


def _sign_in(page: Page, signing_in: SignIn) -> None:
    page.goto(signing_in.address)
    page.get_by_label("E-mail").fill(signing_in.email)
    page.get_by_label("Password").fill(signing_in.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Customers").wait_for()


def _sizes(page: Page, dashboard: str, shot: Shot) -> None:
    """Take one page in every size and scheme."""
    for size, viewport in _SIZES.items():
        page.set_viewport_size(viewport)
        for scheme in _SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            shot.take(page, dashboard)
            page.wait_for_load_state("networkidle")
            # A sheet fills the window; of a page all is shown.
            path = FOLDER / f"{shot.name}-{size}-{scheme}.png"
            page.screenshot(path=path, full_page=not shot.is_sheet(page))


if __name__ == "__main__":
    main()
