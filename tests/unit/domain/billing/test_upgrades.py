"""Which of two plans is the better one: a switch to it happens at once."""

import pytest

from orchard.domain.billing.upgrades import is_upgrade
from orchard.domain.catalog import Plan
from tests.unit.domain.billing.sold import base, metered, plan, prepaid, tiers

FREE, PRO, PREMIUM = plan("free"), plan("pro", base(20)), plan("premium", base(50))
ANNUAL = plan("annual", base(200, "year"))
USAGE = plan("usage", None, metered())
SEATS = plan("seats", None, metered(10, feature_id="seats", reset=None))
ONCE = plan("once", base(5, "one_off"))


@pytest.mark.parametrize(
    ("new", "current"),
    [
        (PRO, FREE),
        (FREE, FREE),
        (PREMIUM, PRO),
        (PRO, PRO),
        (ONCE, PREMIUM),
        (PREMIUM, ONCE),
        (USAGE, plan("dear", None, metered(5))),
        (ANNUAL, PREMIUM),
        (plan("two", base(1, "month", interval_count=2)), PREMIUM),
        (plan("quarter", base(1, "quarter")), PREMIUM),
        (PREMIUM, ANNUAL),
        (plan("weekly", base(5, "week")), PRO),
        (plan("half", base(120, "semi_annual")), PRO),
        (plan("more", base(15), prepaid(amount=5)), PRO),
        (plan("tiered", None, prepaid(**tiers((5, 20), ("inf", 1)))), PRO),
        (plan("third", base("0.1", "quarter"), prepaid(amount="0.2", interval="quarter")),) * 2,
    ],
)
def test_an_upgrade(new: Plan, current: Plan) -> None:
    assert is_upgrade(new, current)


@pytest.mark.parametrize(
    ("new", "current"),
    [
        (FREE, PRO),
        (PRO, PREMIUM),
        (plan("monthly", base(16)), ANNUAL),
        (plan("weekly", base("4.99", "week")), PRO),
        (USAGE, PRO),
        (USAGE, SEATS),
        (plan("tiered", None, prepaid(**tiers((5, "19.99"), ("inf", 100)))), PRO),
        (plan("pack", base(19), prepaid(amount=100, interval="one_off")), PRO),
    ],
)
def test_a_downgrade(new: Plan, current: Plan) -> None:
    assert not is_upgrade(new, current)
