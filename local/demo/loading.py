"""The demo data of `make dev`, loaded through the public API alone.

Every call has an idempotency key of its own, so a loading that broke off can be repeated (within
a day, as long as such keys are remembered): what was done is refused then and stays as it is.
"""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from local.demo.calls import Api, StripeDouble
from local.demo.customers import Customer, Workspace, customers
from local.demo.dealings import Dealing
from local.demo.product import FEATURES, PLANS, REWARDS

HOUR, DAY, DAYS = 3_600_000, 86_400_000, 60
#: How busy each hour of the day (UTC) and each day of the week is, from midnight and from Monday.
HOURS = (1, 1, 0, 0, 0, 1, 2, 4, 8, 12, 14, 12, 9, 11, 13, 12, 10, 7, 5, 4, 4, 3, 2, 1)
WEEKDAYS = (10, 11, 12, 11, 9, 3, 2)
#: 1 January 1970 was a Thursday.
_FIRST_WEEKDAY = 3
_WRITING_SHARE = 0.25
#: A third would only start further copies of the same functions.
_AT_ONCE = 2


class Use(NamedTuple):
    """One recorded use."""

    feature_id: str
    value: float
    timestamp: int
    properties: dict[str, str]
    entity_id: str | None = None


def load(base_url: str, key: str, stripe_url: str | None = None) -> None:
    """Load the data into the environment of `key`.

    Plans with a price are sold only with the address of the double: its cards pay without a page,
    and its clock goes back two months, so that its invoices come from renewals.

    Raises:
        Failed: a call was refused; the message says which and why.

    """
    now = int(time.time() * 1000)
    with Api(base_url, key) as api, StripeDouble(stripe_url) as stripe:
        for feature in FEATURES:
            api.once(f"feature {feature['feature_id']}", "features.create", **feature)
        for plan in PLANS:
            api.once(f"plan {plan['plan_id']}", "plans.create", **plan)
        with stripe.long_ago(days=DAYS + 2):
            # One after the other, so that a list by creation looks the same every time.
            made = [(create(api, stripe, one), one) for one in customers()]
            if stripe.is_there:
                for reward in REWARDS:
                    api.once(f"reward {reward['id']}", "rewards.create", coupon=reward)
                deal(api, stripe, made)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            # Taking the results raises what went wrong.
            list(threads.map(lambda one: live(api, one[0], one[1], now), made))
        stripe.settle()


def create(api: Api, stripe: StripeDouble, one: Customer) -> str:
    """Create a customer with its written invoices; return the id by which it is known."""
    made = api.call(
        "customers.get_or_create",
        customer_id=one.id,
        name=one.name,
        email=one.email,
        metadata=one.metadata,
        billing_controls=one.special.controls,
        create_in_stripe=stripe.is_there and bool(one.special.dealings),
        with_autumn_id=True,
    )
    stripe.bill(made["stripe_id"], one.special.invoices)
    return str(one.id or made["autumn_id"])


def deal(api: Api, stripe: StripeDouble, made: list[tuple[str, Customer]]) -> None:
    """Let customers buy, change and end what they pay for, each thing on its day."""
    dealings = [
        (one.days_ago, f"{customer_id} dealing {number}", customer_id, one)
        for customer_id, customer in made
        for number, one in enumerate(customer.special.dealings)
    ]
    # Of one day in the order of the data: a card comes before what it pays for.
    for days_ago, what, customer_id, one in sorted(dealings, key=lambda each: -each[0]):
        stripe.wait_until(days_ago)
        do(api, stripe, what, customer_id, one)


def do(api: Api, stripe: StripeDouble, what: str, customer_id: str, one: Dealing) -> None:
    """Do one thing about money."""
    if one.operation == "card":
        found = api.call("customers.get", customer_id=customer_id)
        stripe.save_card(found["stripe_id"], one.body["card"])
    else:
        api.once(what, one.operation, customer_id=customer_id, **one.body)


def live(api: Api, customer_id: str, one: Customer, now: int) -> None:
    """Let a customer get, use and have edited what the data say."""
    whose = {"customer_id": customer_id}
    for grant in one.special.grants:
        what = f"{customer_id} grant {grant['feature_id']}"
        api.once(what, "balances.create", **whose, **grant)
    divide(api, customer_id, one.special.workspaces)
    for number, use in enumerate(uses(one, now)):
        what = f"{customer_id} use {number}"
        body = {name: part for name, part in use._asdict().items() if part is not None}
        api.once(what, "balances.track", **whose, **body)
    for number, body in enumerate(one.special.edits):
        edit(api, f"{customer_id} edit {number}", {**whose, **body}, now)


def edit(api: Api, what: str, body: dict[str, Any], now: int) -> None:
    """Edit a balance; an edit that was a mistake is taken back at once."""
    days, mistake = body.pop("ends_in_days", None), body.pop("undone", None)
    if days is not None:
        body["ends_at"] = now + days * DAY
    made = api.once(what, "balances.update", **body)
    if made is not None and mistake is not None:
        undone = {"customer_id": body["customer_id"], "change_id": made["change_id"]}
        api.eventually("changes.undo", **undone, reason=mistake)


def divide(api: Api, customer_id: str, workspaces: tuple[Workspace, ...]) -> None:
    """Give a customer the plan of workspaces and the workspaces, some with a plan of their own."""
    if not workspaces:
        return
    whose = {"customer_id": customer_id}
    api.once(f"{customer_id} workspaces", "billing.attach", **whose, plan_id="workspaces")
    for one in workspaces:
        entity = {**whose, "entity_id": one.id}
        what = f"{customer_id} workspace {one.id}"
        made = {"feature_id": "workspaces", "name": one.name, "billing_controls": one.controls}
        api.once(what, "entities.create", **entity, **made)
        if one.plan_id is not None:
            api.once(f"{what} plan", "billing.attach", **entity, plan_id=one.plan_id)


def uses(one: Customer, now: int) -> list[Use]:
    """Return what a customer used, oldest first: the same for the same customer and time."""
    chance = random.Random(one.email)  # noqa: S311 - chance that must repeat itself
    hours = [now - number * HOUR for number in range(1, DAYS * 24)]
    busy = [HOURS[hour // HOUR % 24] * WEEKDAYS[_weekday(hour)] for hour in hours]
    moments = sorted(
        hour + chance.randrange(HOUR) for hour in chance.choices(hours, busy, k=one.uses)
    )
    consumed = [_use(chance, one, moment) for moment in moments]
    seats = [
        Use("seats", change, moment, {}) for change, moment in zip(one.seats, moments, strict=False)
    ]
    return sorted([*consumed, *seats], key=lambda use: use.timestamp)


def _use(chance: random.Random, one: Customer, moment: int) -> Use:
    size = one.size * chance.lognormvariate(0, 0.5)
    workspaces = [each.id for each in one.special.workspaces]
    entity_id = chance.choice(workspaces) if workspaces else None
    if chance.random() < _WRITING_SHARE:
        feature_id, share = chance.choice((("summaries", 10), ("drafts", 50)))
        made = max(1, round(size / share))
        model = chance.choice(("small", "large"))
        return Use(feature_id, made, moment, {"model": model}, entity_id)
    channel = chance.choices(("email", "chat", "sms"), (6, 3, 1))[0]
    return Use("messages", max(1, round(size)), moment, {"channel": channel}, entity_id)


def _weekday(moment: int) -> int:
    return (moment // DAY + _FIRST_WEEKDAY) % 7
