"""The demo data of `make dev`, loaded through the public API alone.

Every call has an idempotency key of its own, so a loading that broke off can be repeated (within
a day, as long as such keys are remembered): what was done is refused then and stays as it is.
"""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Self

import httpx

from local.demo.customers import Customer, Invoice, Workspace, customers
from local.demo.product import FEATURES, PLANS
from local.processes import Failed

HOUR, DAY, DAYS = 3_600_000, 86_400_000, 60
#: How busy each hour of the day (UTC) and each day of the week is, from midnight and from Monday.
HOURS = (1, 1, 0, 0, 0, 1, 2, 4, 8, 12, 14, 12, 9, 11, 13, 12, 10, 7, 5, 4, 4, 3, 2, 1)
WEEKDAYS = (10, 11, 12, 11, 9, 3, 2)
#: 1 January 1970 was a Thursday.
_FIRST_WEEKDAY = 3
_WRITING_SHARE = 0.25
#: A third would only start further copies of the same functions.
_AT_ONCE = 2
#: How long invoices may take to arrive, and changes to be written down, in seconds.
_PATIENCE = 90


class Use(NamedTuple):
    """One recorded use."""

    feature_id: str
    value: float
    timestamp: int
    properties: dict[str, str]
    entity_id: str | None = None


def load(base_url: str, key: str, stripe_url: str | None = None) -> None:
    """Load the data into the environment of `key`; invoices only with the address of the double.

    Raises:
        Failed: a call was refused; the message says which and why.

    """
    now = int(time.time() * 1000)
    with Api(base_url, key) as api, StripeDouble(stripe_url) as stripe:
        for feature in FEATURES:
            api.once(f"feature {feature['feature_id']}", "features.create", **feature)
        for plan in PLANS:
            api.once(f"plan {plan['plan_id']}", "plans.create", **plan)
        # One after the other, so that a list by creation looks the same every time.
        made = [(create(api, stripe, one), one) for one in customers()]
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            # Taking the results raises what went wrong.
            list(threads.map(lambda one: live(api, one[0], one[1], now), made))
        stripe.settle()


def create(api: "Api", stripe: "StripeDouble", one: Customer) -> str:
    """Create a customer with its invoices; return the id by which it is known."""
    made = api.call(
        "customers.get_or_create",
        customer_id=one.id,
        name=one.name,
        email=one.email,
        metadata=one.metadata,
        billing_controls=one.special.controls,
        create_in_stripe=stripe.is_there and bool(one.special.invoices),
        with_autumn_id=True,
    )
    stripe.bill(made["stripe_id"], one.special.invoices)
    return str(one.id or made["autumn_id"])


def live(api: "Api", customer_id: str, one: Customer, now: int) -> None:
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


def edit(api: "Api", what: str, body: dict[str, Any], now: int) -> None:
    """Edit a balance; an edit that was a mistake is taken back at once."""
    days, mistake = body.pop("ends_in_days", None), body.pop("undone", None)
    if days is not None:
        body["ends_at"] = now + days * DAY
    made = api.once(what, "balances.update", **body)
    if made is not None and mistake is not None:
        undone = {"customer_id": body["customer_id"], "change_id": made["change_id"]}
        api.eventually("changes.undo", **undone, reason=mistake)


def divide(api: "Api", customer_id: str, workspaces: tuple[Workspace, ...]) -> None:
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


class Api:
    """The API as the owner of a key calls it."""

    def __init__(self, base_url: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=f"{base_url}/v1/", headers=headers, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, operation: str, **body: Any) -> Any:
        """Call an operation; return its answer."""
        return _content(self._http.post(operation, json=body))

    def once(self, what: str, operation: str, **body: Any) -> Any:
        """Call an operation unless an earlier loading did: then it is refused as a conflict.

        Return the answer, None if it was done before.
        """
        answer = self._http.post(operation, json=body, headers={"idempotency-key": f"demo {what}"})
        return None if answer.status_code == httpx.codes.CONFLICT else _content(answer)

    def eventually(self, operation: str, **body: Any) -> Any:
        """Call an operation that has to wait until the ledger has what it is about."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            answer = self._http.post(operation, json=body)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                return _content(answer)
            time.sleep(int(answer.headers.get("retry-after", 1)))


class StripeDouble:
    """The pretended Stripe account, if there is one."""

    def __init__(self, url: str | None) -> None:
        self.is_there = url is not None
        headers = {"authorization": "Bearer sk_test_demo"}
        self._http = httpx.Client(base_url=url or "", headers=headers, timeout=_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def bill(self, customer: str | None, invoices: tuple[Invoice, ...]) -> None:
        """Give a Stripe customer the invoices that it lacks."""
        if not self.is_there or customer is None:
            return
        listed = _content(self._http.get("/v1/invoices", params={"customer": customer}))["data"]
        there = {invoice["metadata"].get("demo") for invoice in listed}
        for number, invoice in enumerate(invoices):
            if str(number) not in there:
                body = {"customer": customer, "metadata": {"demo": str(number)}}
                drafted = {**body, **dict(_draft(invoice, int(time.time())))}
                _content(self._http.post("/_control/invoices", json=drafted))

    def settle(self) -> None:
        """Return when Stripe's reports have arrived."""
        if self.is_there:
            _content(self._http.post("/_control/reports/settle", json={}))


def _draft(invoice: Invoice, now: int) -> Iterator[tuple[str, Any]]:
    """Yield what the double has to know of an invoice; it counts in seconds."""
    day = DAY // 1000
    created = now - invoice.days_ago * day
    period = {"period_start": created, "period_end": created + 30 * day}
    yield "created", created
    yield from period.items()
    yield (
        "lines",
        [
            {"description": text, "amount": cents, "metadata": {"orchard_plan_id": "pro"}, **period}
            for text, cents in invoice.lines
        ],
    )
    yield "then", list(invoice.then)
    if invoice.due_in_days is not None:
        yield "due_date", created + invoice.due_in_days * day
    if invoice.coupon is not None:
        yield "coupons", [invoice.coupon]


def _content(answer: httpx.Response) -> Any:
    if answer.status_code != httpx.codes.OK:
        asked = f"{answer.request.method} {answer.request.url.path}"
        raise Failed(f"{asked} answered {answer.status_code}: {answer.text}")
    return answer.json()
