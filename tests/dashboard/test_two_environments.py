"""A page that is opened in one environment acts on no other."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from orchard.domain.users import Role
from tests.builders import a_customer
from tests.conftest import Call
from tests.dashboard.browser import Browser
from tests.dashboard.conftest import Sign

NEW = "/dashboard/new-customer"
LIST = "/dashboard/customers"
TEMPLATES = Path(__file__).parents[2] / "functions/dashboard/templates"
#: Their forms are about people, who are the same in both environments, or the choice itself.
OF_BOTH = {
    *("people/account.html", "people/invitation.html", "people/invite_user.html"),
    *("people/sign_in.html", "people/user.html", "people/users.html"),
    *("frame/other_environment.html", "frame/signed.html"),
}


@pytest.fixture
def owner(signed: Sign) -> Browser:
    return signed(Role.OWNER)


def opened_in(text: str) -> str:
    found = re.search(r'name="opened_in" value="(\w+)"', text)
    assert found is not None
    return found[1]


def go_live(browser: Browser) -> None:
    """As in another tab: the session is the same."""
    assert browser.post("/dashboard/environment", {"environment": "live"}).status == 303


def test_a_form_of_the_sandbox_does_nothing_in_live(owner: Browser) -> None:
    opened = opened_in(owner.get(NEW).text)
    sent = {"customer_id": "ada", "metadata": "{}", "key": "k", "step": "save", "opened_in": opened}
    go_live(owner)
    page = owner.post(LIST, sent, referer=f"https://api.example.com{NEW}")
    assert page.status == 409
    assert "Nothing was done" in page.text
    assert "Go back to sandbox" in page.text
    assert f'name="back" value="{NEW}"' in page.text
    assert owner.get(f"{LIST}/ada").status == 404
    # Back in the sandbox the same form is done.
    owner.post("/dashboard/environment", {"environment": "sandbox"})
    assert owner.post(LIST, sent).status == 303
    assert owner.get(f"{LIST}/ada").status == 200


def test_a_part_of_a_page_of_the_sandbox_is_not_asked_of_live(owner: Browser, call: Call) -> None:
    a_customer(call, "ada")
    here = f"https://api.example.com{LIST}/ada"
    part = {"hx_request": "true", "hx_current_url": here, "x_opened_in": "sandbox"}
    assert owner.get(f"{LIST}/ada/grant", **part).status == 200
    go_live(owner)
    for page in (
        owner.get(f"{LIST}/ada/grant", **part),
        owner.post(LIST, {"step": "preview", "opened_in": "sandbox"}, **part),
    ):
        told = page.headers["hx-redirect"]
        assert told == f"/dashboard/environment?opened_in=sandbox&back={quote(LIST, safe='')}%2Fada"
    page = owner.get(told)
    assert (page.status, f'name="back" value="{LIST}/ada"' in page.text) == (200, True)
    assert "Nothing was done" in page.text


def test_nobody_is_told_of_another_environment_than_the_two(owner: Browser) -> None:
    for asked in ("", "?opened_in=sandbox", "?opened_in=moon", "?opened_in=moon&back=//evil"):
        page = owner.get(f"/dashboard/environment{asked}")
        assert (page.status, page.headers["location"]) == (303, LIST)
    elsewhere = owner.get("/dashboard/environment?opened_in=live&back=https://evil.example")
    assert 'value="https://evil' not in elsewhere.text


def test_a_chunk_of_an_export_is_of_the_environment_it_began_in(owner: Browser, call: Call) -> None:
    a_customer(call, "ada")
    begun = owner.get("/dashboard/export.csv", x_opened_in="sandbox")
    go_live(owner)
    further = owner.get("/dashboard/export.csv", x_opened_in="sandbox")
    assert (begun.status, further.status) == (200, 409)


def test_every_form_says_where_it_was_opened() -> None:
    found = {path.relative_to(TEMPLATES).as_posix(): path for path in TEMPLATES.rglob("*.html")}
    assert found.keys() > OF_BOTH
    for path in (path for name, path in found.items() if name not in OF_BOTH):
        text = path.read_text()
        forms = re.findall(r'<form[^>]*(?:method="post"|sent_to\()', text)
        assert text.count('include "frame/opened_in.html"') == len(forms), path
