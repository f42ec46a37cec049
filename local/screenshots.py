"""`make screenshots`: pictures of all pages of the dashboard, wide and narrow, light and dark.

They are taken from a stack of their own with the demo data, and laid in the folder `screenshots`.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Error, Page, ViewportSize, sync_playwright

from local import browsers, demo, first_user
from local.first_user import SignIn
from local.processes import ROOT, Failed
from local.stack import Stack

FOLDER = ROOT / "screenshots"
_ADA = "/customers/northwind-labs"
_SIZES = {
    "desktop": ViewportSize(width=1280, height=800),
    "phone": ViewportSize(width=390, height=844),
}
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
#: How long a page may take to load what it asks for by itself, milliseconds.
_PATIENCE_MS = 20_000


class Shot(NamedTuple):
    """A page, by the address behind that of the dashboard; `link` is what opens a sheet on it."""

    name: str
    address: str
    link: str = ""


SHOTS = (
    Shot("customers", "/customers"),
    Shot("customers-none", "/customers?q=nobody"),
    Shot("new-customer", "/new-customer"),
    Shot("export", "/customers/export"),
    Shot("products", _ADA),
    Shot("attach", f"{_ADA}/attach"),
    Shot("features", f"{_ADA}?tab=features"),
    Shot("feature", "/customers/harbour-press/features/messages?range=90d"),
    Shot("edit-balance", f"{_ADA}?tab=features", "Edit balance"),
    Shot("why", f"{_ADA}/why?feature=drafts&amount=100"),
    Shot("grant", f"{_ADA}/grant"),
    Shot("invoices", f"{_ADA}?tab=invoices"),
    Shot("events", f"{_ADA}?tab=events"),
    Shot("changes", f"{_ADA}?tab=changes"),
    Shot("entities", f"{_ADA}?tab=entities"),
    Shot("rewards", f"{_ADA}?tab=rewards"),
    Shot("details", f"{_ADA}?tab=details"),
    Shot("settings-of-customer", f"{_ADA}?tab=settings"),
    Shot("delete", f"{_ADA}/delete"),
    Shot("approvals", "/approvals"),
    Shot("users", "/users"),
    Shot("settings", "/settings"),
    Shot("account", "/account"),
    Shot("missing", "/nothing"),
)


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
            page.set_default_timeout(_PATIENCE_MS)
            _sizes(page, f"{signing_in.address}/sign-in", "sign-in")
            _sign_in(page, signing_in)
            for shot in SHOTS:
                _sizes(page, f"{signing_in.address}{shot.address}", shot.name, shot.link)
        finally:
            browser.close()
    return len(list(FOLDER.iterdir()))


def _sign_in(page: Page, signing_in: SignIn) -> None:
    page.goto(signing_in.address)
    page.get_by_label("E-mail").fill(signing_in.email)
    page.get_by_label("Password").fill(signing_in.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Customers").wait_for()


def _sizes(page: Page, address: str, name: str, link: str = "") -> None:
    """Take one page in every size and scheme."""
    for size, viewport in _SIZES.items():
        page.set_viewport_size(viewport)
        for scheme in _SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.goto(address)
            if link:
                page.get_by_role("link", name=link).first.click()
                page.locator("dialog[open]").wait_for()
            page.wait_for_load_state("networkidle")
            # A sheet fills the window; of a page all is shown.
            path = FOLDER / f"{name}-{size}-{scheme}.png"
            page.screenshot(path=path, full_page=not link)


if __name__ == "__main__":
    main()
