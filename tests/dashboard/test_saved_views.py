"""Saved views of the customers list."""

import re
from html import unescape

import pytest

from orchard.domain.saved_views import MOST
from orchard.domain.users import Role
from orchard.store import saved_views as store
from orchard.store.saved_views import Kept
from orchard.store.statements import ConditionFailed
from orchard.store.table import Table
from orchard.usecases import saved_views
from tests.bench.requests import cost_of
from tests.conftest import Clock, session_of
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign

LIST, VIEWS = "/dashboard/customers", "/dashboard/views"
EVERYTHING = (
    "q=ada&status=past_due&plan=basic&from=2026-01-01&to=2026-09-30&feature=api&of=usage&than=more"
    "&amount=10k&order=asc&cols=api%2Cseats"
)


def links(page: Page) -> dict[str, str]:
    """The names of the views above the list, and where they lead."""
    nav = re.search(r'aria-label="Saved views">(.*?)</nav>', page.text, re.DOTALL)
    found = re.findall(r'href="([^"]+)"[^>]*>([^<]+)</a>', nav[1]) if nav else []
    return {unescape(name): unescape(address) for address, name in found}


def saved(browser: Browser, name: str, query: str, replace: str = "") -> Page:
    return browser.post(VIEWS, {"name": name, "query": query, "replace": replace})


def test_a_view_holds_all_of_the_address_but_the_place_for_all_users(signed: Sign) -> None:
    support, viewer = signed(Role.SUPPORT), signed(Role.VIEWER)
    form = support.get(f"{VIEWS}?{EVERYTHING}&cursor=xyz&created=x").text
    kept = re.search(r'name="query" value="([^"]*)"', form)
    assert kept is not None

    sent = saved(support, " Late  payers ", unescape(kept[1]))
    page = viewer.get(f"{LIST}?status=trial")

    assert sent.status == 303
    assert "The view “Late payers” was saved." in support.follow(sent).text
    assert list(links(page)) == ["Late payers"]
    assert "aria-current" not in page.text.split('aria-label="Saved views"')[1].split("</nav>")[0]
    assert links(page)["Late payers"].replace("cols=api,seats", "cols=api%2Cseats") == (
        f"{LIST}?{EVERYTHING}"
    )
    opened = viewer.get(links(page)["Late payers"] + "&cursor=")
    assert re.search(r'aria-current="true">Late payers</a>', opened.text)
    assert "Save view" not in opened.text


def test_what_a_view_shows_is_said_in_words(signed: Sign) -> None:
    page = signed(Role.SUPPORT).get(f"{VIEWS}?{EVERYTHING}").text

    told = re.findall(r'<li class="called">([^<]+)</li>', page)
    assert told == [
        "Search: “ada”",
        "Status: Past due",
        "Plan: basic",
        "Created from: 2026-01-01",
        "Created until: 2026-09-30",
        "api: more than 10k used",
        "Columns: api, seats",
        "Order: oldest first",
    ]
    assert "all customers, the newest first" in signed(Role.OWNER).get(VIEWS).text


def test_the_same_name_replaces_only_after_asking(signed: Sign) -> None:
    owner = signed(Role.OWNER)
    saved(owner, "Trials", "status=trial")

    asked = saved(owner, "TRIALS", "status=active")
    other = saved(owner, "trials", "status=active", replace="something else")
    repeated = saved(owner, "Trials", "status=trial")

    assert (asked.status, other.status, repeated.status) == (409, 409, 303)
    assert "There is a view “Trials” already. Save again to replace it" in asked.text
    assert 'name="replace" value="Trials"' in asked.text
    assert links(owner.get(LIST)) == {"Trials": f"{LIST}?status=trial"}
    assert saved(owner, "Trials", "status=active", replace="Trials").status == 303
    assert links(owner.get(LIST)) == {"Trials": f"{LIST}?status=active"}


def test_a_view_is_deleted_and_comes_back(signed: Sign) -> None:
    owner = signed(Role.OWNER)
    saved(owner, "A & B", "q=a+%26+b&order=asc")
    before = links(owner.get(LIST))

    gone = owner.follow(owner.post(f"{VIEWS}/delete", {"name": "a & b"}))
    undo = re.search(r'action="([^"]+/restore[^"]+)"', gone.text)
    assert "The view “A &amp; B” was deleted." in gone.text
    assert undo is not None
    assert links(owner.get(LIST)) == {}
    back = owner.follow(owner.post(unescape(undo[1]), {}))

    assert "is back" in back.text
    assert links(owner.get(LIST)) == before
    again = owner.post(f"{VIEWS}/delete", {"name": "nobody"})
    assert "deleted before" in owner.follow(again).text


def test_what_a_view_asks_for_that_is_not_known_any_more_is_dropped(
    table: Table, clock: Clock, signed: Sign
) -> None:
    session = session_of(table, clock.now)
    saved_views.save(session, "Old", "status=vanished&shape=round&q=ada&feature=&of=usage")
    views = [one._replace(version=99) for one in store.read(session).views]
    session.commit(store.written(session, store.read(session), views))

    page = signed(Role.VIEWER).get(LIST)

    assert page.status == 200
    assert links(page) == {"Old": f"{LIST}?q=ada"}


def test_there_are_fifty_views_at_most_and_the_open_one_is_in_sight(
    table: Table, clock: Clock, signed: Sign
) -> None:
    session, owner = session_of(table, clock.now), signed(Role.OWNER)
    one = saved_views.save(session, "v", "q=0")
    many = [one._replace(name=f"v{number:02}", query=f"q={number}") for number in range(MOST)]
    session.commit(store.written(session, Kept((), 1), many))

    refused = saved(owner, "one more", "q=x")
    page = owner.get(f"{LIST}?q=33")

    assert refused.status == 400
    assert "There are 50 saved views already" in refused.text
    assert 'value="one more"' in refused.text
    assert "41 more" in page.text
    assert 'aria-current="true">v33</a>' in page.text.split("41 more")[0]
    assert len(links(page)) == MOST


@pytest.mark.parametrize(("name", "said"), [(" ", "Cannot be empty"), ("x" * 61, "at most 60")])
def test_a_name_that_will_not_do_is_refused_beside_its_field(
    signed: Sign, name: str, said: str
) -> None:
    page = saved(signed(Role.OWNER), name, "q=x")

    assert page.status == 400
    assert re.search(rf'id="name-told">[^<]*{said}', page.text)
    assert 'name="query" value="q=x"' in page.text


def test_an_address_that_is_too_long_is_refused(signed: Sign) -> None:
    page = saved(signed(Role.OWNER), "long", "q=" + "%E4%BB%8A" * 500)

    assert page.status == 400
    assert "make its search shorter" in page.text


def test_script_in_a_name_stays_text(signed: Sign) -> None:
    owner, evil = signed(Role.OWNER), "<script>alert('x')</script>\" onclick=\"x"
    saved(owner, evil, "q=" + "%3Cscript%3E")

    for page in (owner.get(LIST), owner.get(VIEWS), owner.get(f"{VIEWS}?q=<script>")):
        assert "<script>" not in page.text
        assert 'onclick="' not in page.text


def test_views_are_those_of_the_environment(signed: Sign) -> None:
    owner = signed(Role.OWNER)
    saved(owner, "Trials", "status=trial")
    owner.post("/dashboard/environment", {"environment": "live", "back": LIST})

    assert links(owner.get(LIST)) == {}


def test_a_viewer_changes_no_view(signed: Sign) -> None:
    owner, viewer = signed(Role.OWNER), signed(Role.VIEWER)
    saved(owner, "Trials", "status=trial")

    answers = [
        viewer.get(VIEWS),
        saved(viewer, "Mine", "q=x"),
        viewer.post(f"{VIEWS}/delete", {"name": "Trials"}),
        viewer.post(f"{VIEWS}/restore?name=Mine&query=q", {}),
    ]

    assert {one.status for one in answers} == {403}
    assert list(links(owner.get(LIST))) == ["Trials"]


def test_two_who_save_at_once_lose_nothing(table: Table, clock: Clock) -> None:
    session = session_of(table, clock.now)
    saved_views.save(session, "first", "q=1")
    stale = store.read(session)
    saved_views.save(session, "second", "q=2")

    with pytest.raises(ConditionFailed):
        session.commit(store.written(session, stale, ()))
    assert [one.name for one in saved_views.every(session)] == ["first", "second"]
    assert store.read(session).revision == stale.revision + 1


def test_a_view_costs_few_requests(table: Table, signed: Sign) -> None:
    owner = signed(Role.OWNER)

    assert len(cost_of(table, lambda: owner.get(f"{VIEWS}?{EVERYTHING}")).verbs) < 5
    assert len(cost_of(table, lambda: saved(owner, "Trials", "status=trial")).verbs) < 5
    assert len(cost_of(table, lambda: owner.get(LIST)).verbs) < 5
