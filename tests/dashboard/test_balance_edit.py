"""Editing a balance on the dashboard: preview, saving once, what happens meanwhile, undo."""

import re

import pytest

from orchard.domain.users import Role
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_plan, monthly
from tests.conftest import Call
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_page import words
from tests.streams import recording

CUSTOMER = "/dashboard/customers/user_1"
FORM = f"{CUSTOMER}/features/messages/edit"


@pytest.fixture
def _ada(call: Call) -> None:
    a_feature(call)
    a_plan(call, "pro", monthly("messages", 100))
    a_customer(call, name="Ada")
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "pro"}).status == 200
    use(call, 60)


def use(call: Call, value: int) -> None:
    asked = {"customer_id": "user_1", "feature_id": "messages", "value": value}
    assert call("balances.track", asked).status == 200


def left(call: Call) -> int:
    asked = {"customer_id": "user_1", "feature_id": "messages"}
    return int(call("balances.check", asked).body["balance"]["remaining"])


def filled(page: Page, **typed: str) -> dict[str, str]:
    """The form as it is on the page, with what somebody typed over it."""
    inputs = re.findall(r'<input[^>]*type="(?:hidden|text|datetime-local)"[^>]*>', page.text)
    fields = {attribute(tag, "name"): attribute(tag, "value") for tag in inputs}
    return fields | {"way": "add", "until": "reset", "source": "", "step": "save"} | typed


def attribute(tag: str, name: str) -> str:
    found = re.search(rf' {name}="([^"]*)"', tag)
    assert found
    return found[1]


@pytest.fixture
def support(signed: Sign, _ada: None) -> Browser:
    return signed(Role.OWNER)


def test_the_preview_says_what_becomes_of_balance_and_invoice_and_nothing_is_changed(
    call: Call, support: Browser
) -> None:
    form = support.get(FORM)
    told = support.post(FORM, filled(form, amount="50", step="preview"))
    lowered = support.post(FORM, filled(form, amount="-10", step="preview"))

    assert "Now: 40 of 100 left" in words(form)
    assert "from 40 of 100 left to 90 of 100 left" in words(told)
    assert "until 01 Oct 2026, 00:00 UTC" in words(told)
    assert "then 100 of 100 left" in words(told)
    assert "Next invoice unchanged" in words(told)
    assert "balances.update" in told.text
    assert "to 30 of 100 left" in words(lowered)
    assert left(call) == 40


def test_what_is_set_becomes_a_difference_so_that_usage_meanwhile_counts(
    call: Call, support: Browser
) -> None:
    form = support.get(FORM)
    use(call, 5)

    done = support.post(FORM, filled(form, way="set", amount="90", reason="Outage"))

    assert done.status == 303
    assert left(call) == 85
    assert "The balance of Messages was edited. Undo" in words(support.follow(done))


def test_a_form_that_is_sent_twice_is_done_once(call: Call, support: Browser) -> None:
    fields = filled(support.get(FORM), amount="50")

    first, second = support.post(FORM, fields), support.post(FORM, fields)

    assert (first.status, second.status) == (303, 303)
    assert left(call) == 90
    assert "The balance of Messages was edited. Undo" in words(support.follow(second))


def test_undo_takes_the_edit_back_and_can_be_taken_back_itself(
    call: Call, table: Table, support: Browser
) -> None:
    page = support.follow(support.post(FORM, filled(support.get(FORM), amount="50")))
    recording.catch_up(table)
    undo = re.search(r'action="(/[^"]+/undo)"', page.text)
    assert undo

    undone = support.post(undo[1], {"back": f"{CUSTOMER}?tab=features"})
    assert undone.headers["location"] == f"{CUSTOMER}?tab=features"
    assert left(call) == 40
    recording.catch_up(table)
    again = re.search(r'action="(/[^"]+/undo)"', support.follow(undone).text)
    assert again
    assert support.post(again[1], {}).status == 303
    assert left(call) == 90


def test_two_who_edit_at_once_are_told_and_see_the_balance_as_it_is(
    call: Call, table: Table, support: Browser, signed: Sign
) -> None:
    other = signed(Role.ADMIN)
    forms = [one.get(FORM) for one in (support, other)]
    support.post(FORM, filled(forms[0], amount="50"))
    recording.catch_up(table)

    overtaken = other.post(FORM, filled(forms[1], amount="50", reason="Same outage"))

    assert overtaken.status == 409
    assert "Something of this customer was changed while you were here" in words(overtaken)
    assert "from 90 of 100 left to 140 of 100 left" in words(overtaken)
    assert 'value="Same outage"' in overtaken.text
    assert left(call) == 90
    assert other.post(FORM, filled(overtaken, amount="50")).status == 303
    assert left(call) == 140


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"amount": ""}, "Type how much, or choose another next reset"),
        ({"amount": "many"}, "Must be a number, such as 250 or -40"),
        ({"amount": "1e9"}, "Must be a number, such as 250 or -40"),
        ({"amount": "9" * 40}, "Must be between"),
        ({"amount": "5", "until": "date"}, "Must be a date and a time in UTC"),
        ({"amount": "5", "until": "date", "ends_at": "2020-01-01T00:00"}, "Must be in the future"),
        ({"next_reset_at": "soon"}, "Must be a date and a time in UTC"),
        ({"amount": "5", "source": "nothing"}, "balance"),
        ({"amount": "5", "reason": "x" * 1001}, "Must have at most 1000 characters"),
    ],
)
def test_what_is_wrong_is_told_beside_what_was_typed(
    call: Call, support: Browser, typed: dict[str, str], told: str
) -> None:
    fields = filled(support.get(FORM), **{"amount": ""} | typed)

    page, preview = support.post(FORM, fields), support.post(FORM, fields | {"step": "preview"})

    assert page.status in (400, 404)
    assert told in words(page)
    assert told in words(preview)
    assert f'value="{fields["key"]}"' in page.text
    assert left(call) == 40


def test_an_edit_until_a_date_and_another_next_reset_are_possible(
    call: Call, support: Browser
) -> None:
    dated = filled(support.get(FORM), amount="1,000", until="date", ends_at="2026-11-01T00:00")
    assert support.post(FORM, dated).status == 303
    assert left(call) == 1040

    moved = filled(support.get(FORM), next_reset_at="2026-09-20T12:00")
    assert support.post(FORM, moved).status == 303
    assert "20 Sep 2026, 12:00 UTC" in words(support.get(f"{CUSTOMER}?tab=features"))


def test_who_may_only_look_sees_no_form_and_changes_nothing(
    call: Call, support: Browser, signed: Sign
) -> None:
    viewer = signed(Role.VIEWER)
    fields = filled(support.get(FORM), amount="50")

    assert "Edit balance" not in viewer.get(f"{CUSTOMER}?tab=features").text
    assert viewer.get(FORM).status == 403
    assert viewer.post(FORM, fields).status == 403
    assert viewer.post(f"{CUSTOMER}/changes/chg_1/undo", {}).status == 403
    assert left(call) == 40


def test_the_form_leads_nowhere_without_balance_customer_or_change(support: Browser) -> None:
    assert support.get(FORM.replace("messages", "dreams")).status == 404
    assert support.get(FORM.replace("user_1", "nobody")).status == 404
    assert support.post(f"{CUSTOMER}/changes/chg_1/undo", {}).status == 404
    fields = filled(support.get(FORM), amount="5")
    assert support.post(FORM, fields | {"key": ""}).status == 400
    assert support.post(FORM, fields | {"key": "k" * 99}).status == 400


def test_a_part_of_a_page_leads_the_whole_page_on(support: Browser) -> None:
    done = support.post(FORM, filled(support.get(FORM), amount="50"), hx_request="true")

    assert done.status == 200
    assert done.headers["hx-redirect"] == f"{CUSTOMER}?tab=features"


def test_the_form_costs_few_requests(table: Table, support: Browser) -> None:
    fields = filled(support.get(FORM), amount="50", step="preview")

    opened = cost_of(table, lambda: support.get(FORM))
    previewed = cost_of(table, lambda: support.post(FORM, fields))
    saved = cost_of(table, lambda: support.post(FORM, fields | {"step": "save"}))

    assert [len(one.verbs) for one in (opened, previewed, saved)] == [3, 3, 6]


def test_a_balance_is_edited_as_an_entity_sees_it(call: Call, support: Browser) -> None:
    a_feature(call, "seats", consumable=False)
    each = {**monthly("messages", 10), "entity_feature_id": "seats"}
    a_plan(call, "team", {"feature_id": "seats", "included": 5}, each, add_on=True)
    call("billing.attach", {"customer_id": "user_1", "plan_id": "team"})
    made = {"customer_id": "user_1", "entity_id": "ada", "feature_id": "seats"}
    assert call("entities.create", made).status == 200
    address = f"{FORM}?entity=ada&from=graph"

    form = support.get(address)
    done = support.post(address, filled(form, amount="5", step="save"))

    assert "Of ada, now: 50 of 110 left" in words(form)
    assert done.headers["location"] == f"{CUSTOMER}/features/messages?entity=ada"
    asked = {"customer_id": "user_1", "entity_id": "ada", "feature_id": "messages"}
    assert call("balances.check", asked).body["balance"]["remaining"] == 55
    assert support.get(f"{FORM}?entity=nobody").status == 404


def test_a_form_that_was_done_is_not_done_again_with_something_else_in_it(
    call: Call, support: Browser
) -> None:
    fields = filled(support.get(FORM), amount="5")
    assert support.post(FORM, fields).status == 303

    other = support.post(FORM, fields | {"amount": "50"})

    assert other.status == 409
    assert "This form was done before with something else in it" in words(other)
    assert left(call) == 45
    assert support.post(FORM, fields).status == 303
    assert left(call) == 45
