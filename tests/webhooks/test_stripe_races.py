"""Reports come twice, out of order and at the same time; what is stored is what Stripe has.

A race is played, not hoped for: while one handler waits for Stripe's answer, which the double has
already made, the invoice changes and further handlers run from beginning to end.
"""

from itertools import permutations

import pytest

from orchard.store import customers, invoices
from orchard.store.session import Session
from tests.conftest import Call
from tests.pretended_stripe import Race


def test_a_report_that_comes_again_changes_nothing(race: Race) -> None:
    race.step("finalize", "pay")
    for event in race.reports() * 3:
        race.deliver(event)

    race.assert_settled()
    assert race.stored().status == "paid"


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order_of_arrival_ends_the_same(race: Race, order: tuple[int, ...]) -> None:
    race.step("finalize", "void")
    events = race.reports()[:4]

    for place in order:
        race.deliver(events[place])

    race.assert_settled()
    assert race.stored().status == "void"


@pytest.mark.parametrize("part", ["", "/lines"])
def test_a_handler_that_fetched_too_early_does_not_undo_a_later_one(race: Race, part: str) -> None:
    """Both find nothing stored; the first has the draft in hand when the second stores `paid`."""
    created = race.reports()[0]

    def pay_and_report() -> None:
        race.step("finalize", "pay")
        for event in race.reports()[1:]:
            race.deliver(event)
        assert race.stored().status == "paid"

    with race.while_fetching(part, pay_and_report):
        race.deliver(created)

    race.assert_settled()
    assert race.stored().status == "paid"


def test_the_same_race_over_a_stored_invoice_ends_the_same(race: Race) -> None:
    race.deliver(race.reports()[0])
    race.step("finalize")
    finalized = race.reports()[1]

    def void_and_report() -> None:
        race.step("void")
        race.deliver(race.reports()[-1])

    with race.while_fetching("", void_and_report):
        race.deliver(finalized)

    race.assert_settled()
    assert race.stored().status == "void"


def test_a_rival_that_finds_nothing_new_still_counts(race: Race) -> None:
    """Stripe's state went there and back; the one who saw the middle must look again."""
    race.step("finalize", "fail")
    race.deliver(race.reports()[0])
    before = race.stored()
    race.step("mark_uncollectible")
    kept = race.stripe.double.account.get("invoice", race.invoice)

    def back_again() -> None:
        kept["status"] = "open"
        race.deliver(race.reports()[0])
        assert race.stored() == before

    with race.while_fetching("", back_again):
        race.deliver(race.reports()[-1])

    race.assert_settled()


@pytest.mark.parametrize("part", ["", "/lines"])
def test_a_draft_deleted_while_it_is_fetched_does_not_come_back(race: Race, part: str) -> None:
    created = race.reports()[0]

    def delete_and_report() -> None:
        race.step("delete")
        race.deliver(race.reports()[-1])

    with race.while_fetching(part, delete_and_report):
        race.deliver(created)

    assert race.stored() is None


def test_a_customer_deleted_while_its_invoice_is_fetched_leaves_none(
    race: Race, call: Call, session: Session
) -> None:
    owner = customers.locate(session, "user_1").internal_id

    def delete() -> None:
        assert call("customers.delete", {"customer_id": "user_1"}).status == 200

    with race.while_fetching("", delete):
        race.deliver(race.reports()[0])

    assert invoices.newest(session, owner) == []
    assert call("invoices.list").body["list"] == []


def test_a_customer_linked_elsewhere_while_its_invoice_is_fetched(
    race: Race, call: Call, session: Session
) -> None:
    first = customers.locate(session, "user_1")

    def relink() -> None:
        assert call("customers.delete", {"customer_id": "user_1"}).status == 200
        assert call("customers.get_or_create", {"customer_id": "user_2"}).status == 200
        link = {"customer_id": "user_2", "stripe_id": first.stripe_id}
        assert call("customers.update", link).status == 200

    with race.while_fetching("/lines", relink):
        race.deliver(race.reports()[0])

    second = customers.locate(session, "user_2")
    assert invoices.newest(session, first.internal_id) == []
    assert [one.stripe_id for one in invoices.newest(session, second.internal_id)] == [race.invoice]
