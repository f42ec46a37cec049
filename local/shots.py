"""The pages of the dashboard: pictures are taken of all of them, and a test looks at each.

The addresses are those of customers of the demo data. A page that is missing here is neither seen
nor tested: new ones are added with their first commit.
"""

from typing import NamedTuple

from playwright.sync_api import BrowserContext, Page

from local.processes import Failed

PASSWORD = "the password of a picture"  # noqa: S105 - of nobody's account
#: How long a page may take, with what it asks for by itself, milliseconds.
PATIENCE_MS = 20_000
_ADA = "/customers/northwind-labs"
_CUSTOM = "Custom plan"
#: Nothing is being asked for, and nothing that comes after a page is still to come.
_SETTLED = """() => !document.querySelector('.htmx-request, [data-late]:not(.unanswered)')
  && ![...document.querySelectorAll('[hx-trigger^="load"]')].some((one) => one.innerText === '')"""


class Shot(NamedTuple):
    """A page, by the address behind that of the dashboard, and what is pressed on it in turn.

    What is pressed is a part of the text of a link (not of a tab), a button or something
    folded; an `amount` is typed then, and what comes of it awaited.
    """

    name: str
    address: str
    pressed: tuple[str, ...] = ()
    amount: str = ""

    def take(self, page: Page, dashboard: str) -> None:
        """Open it; return when all of it is there."""
        page.goto(f"{dashboard}{self.address}")
        for text in self.pressed:
            pressable = page.locator("a:not(.nav-link), button, summary")
            pressable.filter(has_text=text, visible=True).first.click()
            page.wait_for_function(_SETTLED)
        if self.amount:
            page.get_by_label("Amount").fill(self.amount)
            page.get_by_text("appears here while you type").wait_for(state="hidden")
        page.wait_for_function(_SETTLED)

    def is_sheet(self, page: Page) -> bool:
        """Whether the page shows a sheet or a dialog, which fills the window."""
        return page.locator("dialog[open]").count() > 0


SHOTS = (
    Shot("customers", "/customers"),
    Shot("customers-filtered", "/customers?status=active&feature=messages&than=more&amount=1"),
    Shot("customers-columns", "/customers?cols=messages,credits"),
    Shot("customers-none", "/customers?q=nobody"),
    Shot("customers-refused", "/customers?cursor=broken"),
    Shot("commands", _ADA, ("Go to",)),
    Shot("new-customer", "/new-customer"),
    Shot("views", "/views?status=active"),
    Shot("export", "/export"),
    Shot("export-parts", "/export/parts?part=1"),
    Shot("products", _ADA),
    Shot("actions", f"{_ADA}?tab=settings", ("Actions",)),
    Shot("attach", f"{_ADA}/attach"),
    Shot("attach-custom", f"{_ADA}/attach?plan=scale", (_CUSTOM,)),
    Shot("update", _ADA, ("Update Pro",)),
    Shot("update-custom", _ADA, ("Update Pro", _CUSTOM)),
    Shot("cancel", _ADA, ("Cancel Pro",)),
    Shot("uncancel", "/customers/tanaka-design", ("Uncancel Pro",)),
    Shot("portal", _ADA, ("Customer portal",)),
    Shot("features", f"{_ADA}?tab=features"),
    Shot("feature", "/customers/harbour-press/features/messages?range=90d"),
    Shot("feature-of-entity", f"{_ADA}/features/messages?entity=sales"),
    Shot("edit-balance", f"{_ADA}?tab=features", ("Edit balance of Messages",), "500"),
    Shot("why", f"{_ADA}/why?feature=drafts&amount=100"),
    Shot("grant", f"{_ADA}?tab=features", ("Grant a balance",)),
    Shot("delete-grant", "/customers/quill-and-co?tab=features", ("2 sources", "Delete grant")),
    Shot("entities", f"{_ADA}?tab=entities"),
    Shot("invoices", f"{_ADA}?tab=invoices"),
    Shot("events", f"{_ADA}?tab=events"),
    Shot("event", f"{_ADA}?tab=events&feature=messages", ("Details",)),
    Shot("changes", f"{_ADA}?tab=changes"),
    Shot("undo", f"{_ADA}?tab=changes&what=balance", ("Undo ",)),
    Shot("rewards", f"{_ADA}?tab=rewards"),
    Shot("add-reward", f"{_ADA}?tab=rewards", ("Add a reward",)),
    Shot("remove-reward", f"{_ADA}?tab=rewards", ("Remove ",)),
    Shot("details", f"{_ADA}?tab=details"),
    Shot("edit-details", f"{_ADA}/edit?field=name"),
    Shot("settings-of-customer", f"{_ADA}?tab=settings"),
    Shot("delete", f"{_ADA}/delete"),
    Shot("no-such-customer", "/customers/nobody"),
    Shot("approvals", "/approvals"),
    Shot("approval", "/approvals", ("Add 5,000",)),
    Shot("users", "/users"),
    Shot("user", "/users", ("Sam Okafor",)),
    Shot("invite", "/users/invite"),
    Shot("invitations", "/users?tab=invitations"),
    Shot("history-of-users", "/users?tab=history"),
    Shot("settings", "/settings"),
    Shot("account", "/account"),
    Shot("missing", "/nothing"),
)


def prepare(page: Page, dashboard: str) -> str:
    """Do what the demo data leave out, as the owner who is signed in.

    A view is saved, a reward added, support asks for more than the cap; somebody else is invited,
    with the link that is returned.
    """
    page.goto(f"{dashboard}/views?status=active")
    page.get_by_label("Name").fill("Active ones")
    page.get_by_role("button", name="Save view").click()
    page.get_by_text("was saved").wait_for()
    page.goto(f"{dashboard}{_ADA}/coupons/add")
    page.get_by_label("Reward", exact=True).select_option(index=1)
    page.locator("#confirm").click()
    page.get_by_role("link", name="Remove").wait_for()
    page.goto(f"{dashboard}/settings")
    page.get_by_label("Any feature that is not named below").fill("1000")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Changed by").wait_for()
    _ask(page, dashboard, _invited(page, dashboard, "sam@example.com"))
    return _invited(page, dashboard, "kim@example.com")


def _invited(page: Page, dashboard: str, email: str) -> str:
    """The link for somebody of support."""
    page.goto(f"{dashboard}/users/invite")
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("radio", name="Support").check()
    page.get_by_role("button", name="Make the link").click()
    return page.get_by_label("Link", exact=True).input_value()


def _ask(owner: Page, dashboard: str, link: str) -> None:
    """Let somebody of support accept, and ask for what has to be approved."""
    with another(owner) as window:
        page = window.new_page()
        page.goto(link)
        page.get_by_label("Your name").fill("Sam Okafor")
        for label in ("A password", "The same once more"):
            page.get_by_label(label).fill(PASSWORD)
        page.get_by_role("button", name="Continue").click()
        page.goto(f"{dashboard}{_ADA}/features/messages/edit")
        page.get_by_label("Amount").fill("5000")
        page.get_by_label("Reason").fill("The import of last night failed and is sent again")
        page.locator("#confirm").click()
        page.get_by_role("button", name="Withdraw").wait_for()


def another(page: Page, *, signed_in: bool = False) -> BrowserContext:
    """Return a window in the same browser, where nobody is signed in, or the same person."""
    browser = page.context.browser
    if browser is None:
        raise Failed("The pictures need a browser of their own.")
    kept = page.context.storage_state() if signed_in else None
    window = browser.new_context(storage_state=kept)
    window.set_default_timeout(PATIENCE_MS)
    return window


def end_sessions(page: Page, dashboard: str) -> BrowserContext:
    """Return a window whose session was ended elsewhere; so is that of the page."""
    window = another(page, signed_in=True)
    page.goto(f"{dashboard}/account")
    page.get_by_role("button", name="Sign out everywhere").click()
    page.get_by_role("heading", name="Sign in to Orchard").wait_for()
    return window
