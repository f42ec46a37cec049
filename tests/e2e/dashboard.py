"""People in front of the dashboard: signed in once, each with pages that must not complain."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
)

from local.processes import HOST
from local.stack import Stack
from orchard.domain.users import Role
from tests.e2e.vocabulary import Organization

DESKTOP, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)
PASSWORD = "correct horse battery"
#: What takes this long, in milliseconds, does not happen any more.
PATIENCE = 60_000
_COOKIE = "__Host-orchard"


class Dashboard:
    """The dashboard of an organisation of its own; `shop` is its API."""

    def __init__(self, stack: Stack, engine: Browser, organization: str) -> None:
        self.url = f"{stack.base_url}/dashboard"
        self.shop = Organization.on(stack, organization)
        self._stack, self._engine, self._organization = stack, engine, organization
        self._sessions: dict[str, str] = {}

    def email(self, role: Role) -> str:
        """Return what the one with this role signs in with, and `PASSWORD`."""
        return f"{role}@{self._organization}.example"

    def customer(self, customer_id: str, tab: str = "") -> str:
        """Return the address of a customer's page."""
        page = f"{self.url}/customers/{customer_id}"
        return f"{page}?tab={tab}" if tab else page

    @contextmanager
    def page(
        self,
        role: Role = Role.OWNER,
        size: ViewportSize = DESKTOP,
        *,
        refused: tuple[int, ...] = (),
        scripted: bool = True,
    ) -> Iterator[Page]:
        """Open a page for the one with this role, in a window that shares no cookies.

        Fails at the end if the page had errors or warnings, but for answers with the statuses
        `refused`.
        """
        session = self._session(role)
        window = self._engine.new_context(viewport=size, java_script_enabled=scripted)
        window.set_default_timeout(PATIENCE)
        sign_in(window, session)
        page = window.new_page()
        complaints = heard(page, refused)
        try:
            yield page
        finally:
            window.close()
        assert not complaints, complaints

    def forge(self, role: Role, path: str, **fields: str) -> httpx.Response:
        """Send a form that the one with this role is shown nowhere; `path` as in the address."""
        return self._post(path, {"cookie": f"{_COOKIE}={self._session(role)}"}, fields)

    def _session(self, role: Role) -> str:
        """The session of the one with this role, who is invited and signed in at first."""
        if role not in self._sessions:
            asked = {"organization": self._organization, "email": self.email(role), "role": role}
            link = urlsplit(self._stack.invoke("CreateDashboardUser", asked)["link"])
            fields = {"token": parse_qs(link.query)["token"][0], "name": role.capitalize()}
            secret = {"password": PASSWORD, "again": PASSWORD}
            accepted = self._post("/invitation", {}, fields | secret)
            assert accepted.status_code == httpx.codes.SEE_OTHER, accepted.text
            self._sessions[role] = accepted.cookies[_COOKIE]
        return self._sessions[role]

    def _post(self, path: str, headers: dict[str, str], fields: dict[str, str]) -> httpx.Response:
        ours = {"origin": self._stack.base_url, "sec-fetch-site": "same-origin"}
        return httpx.post(f"{self.url}{path}", data=fields, headers=ours | headers, timeout=60)


def sign_in(window: BrowserContext, session: str) -> None:
    """Let a window have a session, in place of the one it had."""
    window.add_cookies(
        [{"name": _COOKIE, "value": session, "domain": HOST, "path": "/", "secure": True}]
    )


def heard(page: Page, refused: tuple[int, ...] = ()) -> list[str]:
    """Return what the page will complain about: errors and warnings of its own and its scripts."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        is_refusal = any(f"responded with a status of {one} " in message.text for one in refused)
        if message.type in {"error", "warning"} and not is_refusal:
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def fits(page: Page) -> bool:
    """Whether nothing of the page lies beside the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
