"""An offer that is taken by several at once: it is carried out once."""

import pytest

from tests.billing.conftest import Shop, shop
from tests.builders import a_plan, lifetime
from tests.concurrency.test_billing_races import at_once
from tests.harness import Response
from tests.pages.test_offers import visit

__all__ = ["shop"]

pytestmark = pytest.mark.concurrency


def test_what_may_be_had_twice_is_had_once_by_one_offer(shop: Shop) -> None:
    shop.customer(card=None)
    a_plan(shop.call, "gift", lifetime("credits", 5), add_on=True)
    url = shop.attach("gift", redirect_mode="always")["payment_url"]

    def press() -> Response:
        pressed = visit(url, "POST", "total=0")
        return Response(pressed.status, pressed.text, pressed.headers)

    answers = at_once(*[press] * 5)

    assert {one.status for one in answers} <= {200, 423}
    assert shop.remaining("credits") == 5
    assert shop.plans() == {"gift": "active"}
