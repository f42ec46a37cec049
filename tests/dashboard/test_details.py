"""The details of a customer on the dashboard: edited one by one, by several people at once."""

import html
import re

import pytest

from orchard.domain.users import Role
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.builders import a_customer
from tests.conftest import Call
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_page import words
from tests.pretended_stripe import Stripe
from tests.streams import recording

CUSTOMER = "/dashboard/customers/user_1"
TAB, EDIT = f"{CUSTOMER}?tab=details", f"{CUSTOMER}/edit"
_S = re.DOTALL
METADATA = {"team": "north", "seats": 5, "tags": ["a", 0.1], "vip": True}


@pytest.fixture
def ada(call: Call, signed: Sign) -> Browser:
    a_customer(call, name="Ada", email="ada@example.com", metadata=METADATA)
    return signed(Role.SUPPORT)


def form_of(page: Page, **typed: str) -> dict[str, str]:
    """The form as it is on the page, with what somebody typed over it."""
    form = page.text[page.text.index('<form id="detail"') :]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r' name="(\w+)"', tag), re.search(r' value="([^"]*)"', tag)
        if name and value:
            found[name[1]] = html.unescape(value[1])
    for name, inner in re.findall(r'<select[^>]* name="(\w+)">(.*?)</select>', form, _S):
        chosen = re.search(r'value="(\w+)" selected', inner)
        found[name] = chosen[1] if chosen else ""
    for name, text in re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>(.*?)</textarea>', form, _S):
        found[name] = html.unescape(text)
    return found | {"step": "save"} | typed


def opened(browser: Browser, field: str, entry: str = "", **typed: str) -> dict[str, str]:
    page = browser.get(f"{EDIT}?field={field}&entry={entry}")
    assert page.status == 200
    return form_of(page, **typed)


def held(call: Call, customer_id: str = "user_1") -> dict[str, object]:
    answered = call("customers.get", {"customer_id": customer_id})
    assert answered.status == 200
    return dict(answered.body)


def test_the_tab_shows_all_that_is_known_and_the_api_call(ada: Browser, signed: Sign) -> None:
    page = ada.get(TAB)
    shown = words(page)

    assert "E-mail ada@example.com" in shown
    assert "Fingerprint none" in shown
    assert 'tags ["a", 0.1]' in shown
    assert "vip yes" in shown
    assert "customers.get" in page.text
    assert page.text.count('href="/dashboard/customers/user_1/edit?field=') == 6 + 4 + 1
    assert "/edit?field=" not in signed(Role.VIEWER).get(TAB).text


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("name", "Ada Lovelace", {"name": "Ada Lovelace"}),
        ("name", "", {"name": None}),
        ("email", "lovelace@example.com", {"email": "lovelace@example.com"}),
        ("fingerprint", "fp_1", {"fingerprint": "fp_1"}),
        ("send_email_receipts", "yes", {"send_email_receipts": True}),
        ("disable_pooled_balance", "yes", {"config": {"disable_pooled_balance": True}}),
    ],
)
def test_a_detail_is_edited_in_its_row(
    call: Call, ada: Browser, field: str, value: str, kept: dict[str, object]
) -> None:
    done = ada.post(EDIT, opened(ada, field, value=value, reason="Asked for it"))

    assert (done.status, done.headers["location"]) == (303, TAB)
    assert "was changed. Undo" in words(ada.follow(done))
    assert kept.items() <= held(call).items()


def test_whether_usage_beyond_limits_is_billed_is_for_admins(
    call: Call, table: Table, ada: Browser, signed: Sign
) -> None:
    admin = signed(Role.ADMIN)
    free = {"disable_overage_billing": True}
    fields = opened(admin, "disable_overage_billing", value="yes")

    assert ada.get(f"{EDIT}?field=disable_overage_billing").status == 403
    assert ada.post(EDIT, fields).status == 403
    assert held(call)["config"] == {}
    assert admin.post(EDIT, fields).status == 303
    assert held(call)["config"] == free
    off = admin.post(EDIT, opened(admin, "disable_overage_billing", value="no"))
    recording.catch_up(table)
    undo = re.search(r'action="(/[^"]+/undo)"', admin.follow(off).text)
    assert undo
    assert ada.post(undo[1], {}).status == 403
    assert held(call)["config"] != free
    assert admin.post(undo[1], {}).status == 303
    assert held(call)["config"] == free


def test_whose_card_is_charged_is_for_admins_to_say(
    call: Call, table: Table, ada: Browser, signed: Sign, stripe: Stripe
) -> None:
    admin, other = signed(Role.ADMIN), stripe.customer()
    fields = opened(admin, "stripe_id", value=other)

    assert "Stripe id none Admins only" in words(ada.get(TAB))
    assert ada.get(f"{EDIT}?field=stripe_id").status == 403
    assert ada.post(EDIT, fields).status == 403
    assert held(call)["stripe_id"] is None
    done = admin.post(EDIT, fields)
    assert (done.status, held(call)["stripe_id"]) == (303, other)
    recording.catch_up(table)
    undo = re.search(r'action="(/[^"]+/undo)"', admin.follow(done).text)
    assert undo
    assert ada.post(undo[1], {}).status == 403
    assert held(call)["stripe_id"] == other
    assert admin.post(undo[1], {}).status == 303
    assert held(call)["stripe_id"] is None


@pytest.mark.parametrize(
    ("entry", "typed", "kept"),
    [
        ("team", {"value": "south"}, {"team": "south"}),
        ("seats", {"value": "1,200.5"}, {"seats": 1200.5}),
        ("vip", {"value": "no"}, {"vip": False}),
        ("tags", {"value": '{"a": [1, null]}'}, {"tags": {"a": [1, None]}}),
        ("seats", {"value": "five", "kind": "text"}, {"seats": "five"}),
        ("", {"entry": "plan/2", "value": "5", "kind": "number"}, {"plan/2": 5}),
    ],
)
def test_metadata_is_edited_entry_by_entry(
    call: Call, ada: Browser, entry: str, typed: dict[str, str], kept: dict[str, object]
) -> None:
    assert ada.post(EDIT, opened(ada, "metadata", entry) | typed).status == 303
    assert held(call)["metadata"] == METADATA | kept


def test_an_entry_is_removed_and_undo_brings_it_back(
    call: Call, table: Table, ada: Browser
) -> None:
    page = ada.follow(ada.post(EDIT, opened(ada, "metadata", "tags", step="remove")))
    assert "tags" not in held(call)["metadata"]  # type: ignore[operator]

    recording.catch_up(table)
    undo = re.search(r'action="(/[^"]+/undo)"', page.text)
    assert undo
    assert ada.post(undo[1], {"back": TAB}).headers["location"] == TAB
    assert held(call)["metadata"] == METADATA


def test_the_preview_says_what_changes_and_changes_nothing(call: Call, ada: Browser) -> None:
    told = ada.post(EDIT, opened(ada, "name", value="Grace", step="preview"))
    wrong = ada.post(EDIT, opened(ada, "email", value="grace", step="preview"))

    assert "From Ada to Grace" in words(told)
    assert "customers.update" in told.text
    assert "Not a valid email address" in words(wrong)
    assert held(call)["name"] == "Ada"


@pytest.mark.parametrize(
    ("asked", "typed", "told"),
    [
        (("email", ""), {"value": "ada"}, "Not a valid email address"),
        (("id", ""), {"value": ""}, "Type an id"),
        (("id", ""), {"value": "a b"}, "Cannot contain spaces"),
        (("name", ""), {"value": "x" * 501}, "Must have at most 500 characters"),
        (("metadata", ""), {"value": "x"}, "Type a name"),
        (("metadata", "seats"), {"value": "x"}, "Must be a number"),
        (("metadata", "vip"), {"value": "perhaps"}, "Must be yes or no"),
        (("metadata", "tags"), {"value": "[1"}, "Must be JSON"),
        (("metadata", "tags"), {"value": "null"}, "Must be JSON"),
    ],
)
def test_what_is_wrong_is_told_beside_what_was_typed(
    call: Call, ada: Browser, asked: tuple[str, str], typed: dict[str, str], told: str
) -> None:
    before = held(call)

    page = ada.post(EDIT, opened(ada, *asked, **typed))

    assert page.status == 400
    assert told in words(page)
    assert 'class="invalid-feedback"' in page.text
    assert form_of(page)["value"] == typed["value"]
    assert held(call) == before


@pytest.mark.parametrize(("field", "entry"), [("name", ""), ("metadata", "team")])
def test_of_two_who_edit_at_once_the_second_chooses(
    call: Call, ada: Browser, signed: Sign, field: str, entry: str
) -> None:
    other = signed(Role.OWNER)
    mine, theirs = (opened(one, field, entry) for one in (ada, other))
    ada.post(EDIT, mine | {"value": "Mine"})

    clash = other.post(EDIT, theirs | {"value": "Theirs"})

    assert clash.status == 409
    assert "Theirs Mine Yours Theirs" in words(clash)
    assert "Keep theirs" in words(clash)
    assert "Mine" in str(held(call))
    assert other.post(EDIT, form_of(clash)).status == 303
    assert "Mine" not in str(held(call))


def test_what_others_edit_beside_it_is_no_conflict(call: Call, ada: Browser, signed: Sign) -> None:
    other = signed(Role.OWNER)
    mine, theirs = opened(ada, "name", value="Grace"), opened(other, "email", value="")

    assert [ada.post(EDIT, mine).status, other.post(EDIT, theirs).status] == [303, 303]
    assert (held(call)["name"], held(call)["email"]) == ("Grace", None)


def test_a_form_that_is_sent_twice_is_done_once(call: Call, table: Table, ada: Browser) -> None:
    fields = opened(ada, "name", value="Grace")

    first, second = ada.post(EDIT, fields), ada.post(EDIT, fields)

    assert (first.status, second.status) == (303, 303)
    assert "Name was changed. Undo" in words(ada.follow(second))
    recording.catch_up(table)
    asked = {"customer_id": "user_1", "action": "customers.update"}
    assert len(call("changes.list", asked).body["list"]) == 1


def test_another_id_leads_to_another_address_and_back(
    call: Call, table: Table, ada: Browser
) -> None:
    assert "what still sends the old one finds nobody" in words(ada.get(f"{EDIT}?field=id"))
    fields = opened(ada, "id", value="user_2")

    done, again = ada.post(EDIT, fields), ada.post(EDIT, fields)
    assert {one.headers["location"] for one in (done, again)} == {
        "/dashboard/customers/user_2?tab=details"
    }
    assert held(call, "user_2")["name"] == "Ada"

    recording.catch_up(table)
    undo = re.search(r'action="(/[^"]+/undo)"', ada.follow(again).text)
    assert undo
    undone = ada.post(undo[1], {"back": done.headers["location"]})
    assert undone.headers["location"] == TAB
    assert held(call)["name"] == "Ada"


def test_an_id_that_is_taken_is_refused(call: Call, ada: Browser) -> None:
    a_customer(call, "user_2")
    page = ada.post(EDIT, opened(ada, "id", value="user_2"))
    assert page.status == 409
    assert "already exists" in words(page)


def test_who_may_only_look_changes_nothing(call: Call, ada: Browser, signed: Sign) -> None:
    viewer, fields = signed(Role.VIEWER), opened(ada, "name", value="Grace")

    assert viewer.get(f"{EDIT}?field=name").status == 403
    assert viewer.post(EDIT, fields).status == 403
    assert held(call)["name"] == "Ada"


def test_addresses_of_nothing_lead_nowhere(ada: Browser) -> None:
    assert ada.get(EDIT).headers["location"] == TAB
    assert ada.get(f"{EDIT}?field=created_at").status == 404
    assert ada.get(f"{EDIT.replace('user_1', 'nobody')}?field=name").status == 404
    fields = opened(ada, "name", value="Grace")
    assert ada.post(EDIT.replace("user_1", "nobody"), fields).status == 404
    assert ada.post(EDIT, fields | {"key": ""}).status == 400
    assert ada.post(EDIT, fields | {"seen": "{"}).status == 409


def test_script_in_what_is_shown_stays_text(call: Call, ada: Browser) -> None:
    script = '<script>alert("1")</script>'
    fields = opened(ada, "metadata", entry="", value=script) | {"entry": script}
    page = ada.follow(ada.post(EDIT, fields))

    assert held(call)["metadata"] == METADATA | {script: script}
    assert "<script>alert" not in page.text


def test_the_tab_and_its_form_cost_few_requests(table: Table, ada: Browser) -> None:
    fields = opened(ada, "name", value="Grace", step="preview")

    shown = cost_of(table, lambda: ada.get(TAB))
    form = cost_of(table, lambda: ada.get(f"{EDIT}?field=name"))
    previewed = cost_of(table, lambda: ada.post(EDIT, fields))

    assert [len(one.verbs) for one in (shown, form, previewed)] == [2, 2, 2]
