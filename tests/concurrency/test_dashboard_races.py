"""A form about billing that an impatient hand sends several times at once: it is done once."""

import pytest

from orchard.domain.users import Role
from tests.billing.conftest import Shop, shop
from tests.concurrency.test_billing_races import at_once
from tests.dashboard.browser import Browser
from tests.dashboard.conftest import Sign, quick_passwords, signed
from tests.dashboard.test_products_actions import filled, the_form
from tests.harness import Response

__all__ = ["quick_passwords", "shop", "signed"]

pytestmark = pytest.mark.concurrency


def test_what_may_be_had_twice_is_attached_and_charged_once(shop: Shop, signed: Sign) -> None:
    shop.customer()
    support = signed(Role.SUPPORT)
    address, form = the_form(support, "addon")
    fields = filled(form)

    def press() -> Response:
        hand = Browser()
        hand.cookies = dict(support.cookies)
        answered = hand.post(address, fields)
        return Response(answered.status, answered.text, answered.headers)

    answers = at_once(*[press] * 4)

    assert [one.status for one in answers] == [303] * 4
    shop.report()
    assert shop.plans() == {"addon": "active"}
    assert shop.invoices() == [(20, "paid")]
