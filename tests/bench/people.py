"""Ten thousand customers, made up; the same at each run."""

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from orchard.domain import ids
from orchard.domain.customer import SCHEDULED, Customer, CustomerPlan

CUSTOMERS = 10_000
#: Positions, the newest customer first, of those that are asked for.
BUSY, USUAL, EARLY, LATE = 4_000, 4_001, 30, 9_700
_DAY = 86_400_000
#: Between two customers: the oldest came a year ago.
_APART = 365 * _DAY // CUSTOMERS
_FIRST = ("Ada", "Alan", "Barbara", "Edsger", "Frances", "Grace", "Katherine", "Leslie", "Niklaus")
_LAST = ("Allen", "Dijkstra", "Hamilton", "Hopper", "Johnson", "Lamarr", "Lamport", "Liskov")
_TOWNS = ("aarhus", "bremen", "calgary", "dunedin", "ghent", "kyoto", "porto", "tartu", "uppsala")
_PAID = {"stripe_subscription_id": "sub_1TzV8bKq4WmNcR2yXaLd0PfE"}


class Person(NamedTuple):
    """A customer, the plans it holds, and at which position it is."""

    number: int
    customer: Customer
    plans: tuple[CustomerPlan, ...]


def person(number: int, now: int) -> Person:
    """Return the customer at a position, the newest first."""
    chance = random.Random(number)
    created_at = now - (number + 1) * _APART
    first, last = chance.choice(_FIRST), chance.choice(_LAST)
    named = {EARLY: "Zeno Quick", LATE: "Zeno Hidden", BUSY: "Busy Bee", USUAL: "Una Usual"}
    name = named.get(number, f"{first} {last}")
    company = f"{chance.choice(_TOWNS)}-{number}.example.com"
    stripe = f"cus_{chance.getrandbits(80):020x}"
    plans = tuple(_plans(chance, number, created_at, now))
    customer = Customer(
        ids.derived("cus_", created_at, str(number)),
        f"user_{chance.getrandbits(112):028x}",
        created_at,
        name=name,
        email=f"{name.replace(' ', '.').lower()}@{company}",
        metadata={"company": company, "seats": chance.randrange(1, 200)},
        stripe_id=stripe if any(one.stripe_subscription_id for one in plans) else None,
    )
    return Person(number, customer, plans)


def _plans(chance: random.Random, number: int, started: int, now: int) -> Iterator[CustomerPlan]:
    """One of a hundred is past due, and so on; many have the free plan, some none."""
    soon = now + 7 * _DAY
    paid: dict[str, Any] = {"plan_id": "pro", **_PAID}
    kinds: list[dict[str, Any]] = [
        *[{"plan_id": "free"}] * 55,
        *[paid] * 36,
        *[{"plan_id": "team", **_PAID}] * 3,
        {**paid, "past_due": True},
        {**paid, "trial_ends_at": soon},
        {**paid, "canceled_at": now - _DAY, "expires_at": soon},
        {**paid, "status": SCHEDULED},
    ]
    kind = chance.choice([*kinds, None, None])
    # What Stripe would be asked for these two is not measured.
    kind = {"plan_id": "pro"} if number in (BUSY, USUAL) else kind
    if kind is not None:
        plan_id = ids.derived("cus_prod_", started, str(number))
        yield CustomerPlan(id=plan_id, plan_version=1, started_at=started, **kind)
