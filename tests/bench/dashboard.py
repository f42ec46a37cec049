"""What the dashboard's pages ask of a table with 10,000 customers and 1,000,000 usage events.

`make bench DASHBOARD=1`: to write the data takes some minutes. Each page goes through the handler,
signed in, with the catalogue known; the clock stands still, so that all is the same at each run.
"""

import html
import os
import re
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple
from urllib.parse import urlencode

import boto3
from botocore.config import Config

from orchard.domain.users import Role
from orchard.store.table import Table
from orchard.triggers import clock, connection
from orchard.usecases import signing_in, user_links, users
from tests.bench import crowd, people
from tests.bench.requests import cost_of
from tests.bench.world import world
from tests.builders import a_feature, a_plan, monthly
from tests.conftest import START, Call, session_of
from tests.dashboard.browser import Browser, Page

ROUNDS = 20
#: A page asks fewer times than this.
MOST = 5
HOME = "/dashboard/customers"
_TABS = (
    *("products", "features", "entities", "invoices", "events"),
    *("changes", "rewards", "details", "settings"),
)
_FORMS = ("features/messages/edit", "grant", "attach", "coupons/add", "delete")
#: Which of the changes of the busy customer is looked at as if to be undone.
_UNDONE = 100
_PASSWORD = "correct horse battery"


class Case(NamedTuple):
    """A page to ask for; `onward` follows where it leads: to the next pages, or to the last."""

    name: str
    address: str
    onward: bool = False


class Asked(NamedTuple):
    """What one answer cost."""

    requests: int
    read_units: float
    ms: float


class Measured(NamedTuple):
    """What the answers of a case cost; `pages` is how many the last of them is away."""

    name: str
    pages: int
    asked: list[Asked]

    @property
    def requests(self) -> int:
        """The most that one page asked for."""
        return max(one.requests for one in self.asked)

    def __str__(self) -> str:
        """A row of the table."""
        spent = [one.ms for one in self.asked]
        units = max(one.read_units for one in self.asked)
        figures = f"{units:>8g}{median(spent):>8.0f}{max(spent):>9.0f}"
        return f"{self.name:54}{self.pages:>6}{self.requests:>9}{figures}"


def cases(now: int) -> Iterator[Case]:
    """Yield the pages, of those that more is behind the first one of them."""
    yield from _lists(now)
    for number, word in ((people.USUAL, "a usual customer"), (people.BUSY, "the busy customer")):
        page = _page(number, now)
        for tab in _TABS:
            yield Case(f"{tab} of {word}", f"{page}?tab={tab}")
        for days in (30, 90):
            graph = f"{page}/features/messages?range={days}d"
            yield Case(f"a graph of {days} days, {word}", graph)
        for form in _FORMS:
            yield Case(f"the form {form} of {word}", f"{page}/{form}")
    busy = _page(people.BUSY, now)
    change = f"{busy}/changes/{crowd.change_id(now, _UNDONE)}/undo"
    yield Case("the form that undoes a change of it", change)
    rare = f"{busy}?tab=events&feature={crowd.RARE}"
    yield Case("its events of a rare feature", rare)
    yield Case("the same, searched further to the end", rare, onward=True)
    yield Case("the export of customers, its first chunk", "/dashboard/export.csv")
    yield Case("the command bar, a name", "/dashboard/commands?q=zeno")
    yield Case("the command bar, an id", f"/dashboard/commands?q={busy.rpartition('/')[2]}")
    yield Case("why the busy customer may use more", f"{busy}/why?feature=messages&amount=1")
    for name in ("users", "approvals", "settings", "account", "export"):
        yield Case(f"the page {name}", f"/dashboard/{name}")


def _lists(now: int) -> Iterator[Case]:
    """Yield the list of customers in its ways."""
    late = people.person(people.LATE, now).customer
    hidden, nobody = _listed(q="Zeno Hidden"), _listed(q="nobody at all")
    low = _listed(feature="messages", of="remaining", than="less", amount="1000")
    yield Case("customers", HOME)
    yield Case("customers, searched: found early", _listed(q="Zeno Quick"))
    yield Case("customers, searched: found late", hidden)
    yield Case("the same, searched further to the end", hidden, onward=True)
    yield Case("customers, searched: nobody", nobody)
    yield Case("the same, searched further to the end", nobody, onward=True)
    yield Case("customers, by an e-mail address", _listed(q=str(late.email)))
    yield Case("customers, by an id", _listed(q=late.hot_id))
    yield Case("customers past due", _listed(status="past_due"))
    yield Case("the same, page by page to the end", _listed(status="past_due"), onward=True)
    yield Case("customers on a plan", _listed(plan="team"))
    yield Case("customers with little left", low)
    yield Case("customers with two columns", _listed(cols="messages,credits"))


def _listed(**query: str) -> str:
    return f"{HOME}?{urlencode(query)}"


def _page(number: int, now: int) -> str:
    return f"{HOME}/{people.person(number, now).customer.hot_id}"


def report() -> None:
    """Print what the pages cost, and which cost too much."""
    # The clock of the data stands still.
    clock.now = lambda: START
    with world(streams=False) as (hasty, call):
        table = _patient(hasty)
        begun = time.perf_counter()
        _fill(table, call)
        spent = time.perf_counter() - begun
        print(file=sys.stderr)
        print(f"{people.CUSTOMERS:,} customers, {crowd.EVENTS:,} events: {spent:.0f} s to write")
        print(f"{f'dashboard, {ROUNDS} times each':54}{'pages':>6}{'requests':>9}", end="")
        print(f"{'RCU':>8}{'ms':>8}{'slowest':>9}")
        costly = []
        for one in measured(table, signed_in(table)):
            print(one, flush=True)
            costly += [one.name] if one.requests >= MOST else []
        told = "; ".join(costly) or "none"
        loads = " ".join(f"{load:.1f}" for load in os.getloadavg())
        print(f"{MOST} requests or more: {told}. Load of the machine: {loads}\n")


def _patient(hasty: Table) -> Table:
    """Return the table for a machine that is busy: slow answers are to be told, not given up."""
    config = Config(read_timeout=120, parameter_validation=False, max_pool_connections=32)
    patient = Table(boto3.client("dynamodb", config=config), hasty.name)
    connection.use(patient)
    return patient


def _fill(table: Table, call: Call) -> None:
    """Write the catalogue as the API does, and the rest as the store does."""
    for feature_id, name in crowd.FEATURES.items():
        if feature_id != "messages":
            a_feature(call, feature_id, name=name)
    a_feature(call, "seats", consumable=False)
    for plan_id in ("pro", "team"):
        a_plan(call, plan_id, monthly("messages", 100_000), monthly("credits", 5_000))
    crowd.fill(session_of(table, clock.now()), _said)


def _said(written: int) -> None:
    print(f"\r{written:>9,} items written", end="", file=sys.stderr, flush=True)


def signed_in(table: Table) -> Browser:
    """Return the browser of an admin."""
    now = clock.now()
    token = user_links.make(table, "org", "admin@example.com", Role.ADMIN, by="operator", now=now)
    user = users.accept(table, token, "Admin", _PASSWORD, now)
    browser = Browser()
    browser.cookies["__Host-orchard"] = signing_in.start(table, user, now).session_id
    return browser


def measured(table: Table, browser: Browser) -> Iterator[Measured]:
    """Yield what each page costs, once it was asked for before."""
    yield _hundredth(table, browser)
    for case in cases(clock.now()):
        browser.get(case.address)
        asked: list[Asked] = []
        pages = 1
        while len(asked) < ROUNDS:
            found = list(_walk(table, browser, case))
            asked, pages = asked + found, len(found)
        yield Measured(case.name, pages, asked)


def _hundredth(table: Table, browser: Browser) -> Measured:
    address = HOME
    for _ in range(99):
        address = _next(browser.get(address)) or address
    asked = [_ask(table, browser, address)[1] for _ in range(ROUNDS)]
    return Measured("customers, page 100", 1, asked)


def _walk(table: Table, browser: Browser, case: Case) -> Iterator[Asked]:
    address: str | None = case.address
    while address is not None:
        page, asked = _ask(table, browser, address)
        yield asked
        address = _next(page) if case.onward else None


def _ask(table: Table, browser: Browser, address: str) -> tuple[Page, Asked]:
    pages: list[Page] = []
    begun = time.perf_counter()
    cost = cost_of(table, lambda: pages.append(browser.get(address)))
    spent = (time.perf_counter() - begun) * 1000
    if pages[0].status != 200:
        raise RuntimeError(f"{address} answered {pages[0].status}")
    return pages[0], Asked(len(cost.verbs), cost.read_units, spent)


def _next(page: Page) -> str | None:
    found = re.search(r'href="([^"]+)" rel="next"', page.text)
    return html.unescape(found[1]) if found else None
