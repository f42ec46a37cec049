"""What is done to a customer's billing while processes die: operations, and reports of Stripe."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

from tests.billing.crashing import Moment, World
from tests.builders import a_feature, a_plan, monthly
from tests.concurrency.interruptions import outcome
from tests.conftest import session_of
from tests.harness import Response
from tests.pages.test_offers import visit

CUSTOMER = "user_1"
#: What tells a client that repeats itself that it was done.
REPEATED = {
    "customer_not_found",
    "customer_already_redeemed_referral_code",
    "duplicate_idempotency_key",
    "entity_not_found",
    "plan_already_attached",
}
#: What tells a client, or Stripe, to come again.
LATER = {409, 423, 429, 503}
SENT = {"enabled": True}


class NotNow(Exception):
    """What was asked for or reported is to come again."""


class Case:
    """A customer, and what is asked and reported about it."""

    def __init__(self, world: World) -> None:
        self.world, self.shop = world, world.shop
        #: The page on which something is decided that was offered.
        self.offer = ""

    @property
    def stripe_id(self) -> str:
        """Its id at Stripe, where there is no other customer."""
        return str(next(iter(self.at_stripe("customer")), {"id": "cus_none"})["id"])

    def ask(self, operation: str, *, key: str | None = None, **body: Any) -> Response:
        self.shop.clock.advance(seconds=1)
        headers = None if key is None else {"idempotency-key": key}
        return self.shop.call(operation, {"customer_id": CUSTOMER, **body}, headers=headers)

    def done(self, operation: str, **body: Any) -> Any:
        answered = self.ask(operation, **body)
        assert answered.status == 200, answered
        return answered.body

    def hear(self) -> None:
        """Let Stripe report what was not answered well. Errors: `NotNow`."""
        refused: list[Response] = []
        while not refused and (fresh := self._fresh()):
            for one in fresh:
                answered = self.shop.stripe.deliver(one)
                if answered.status == 200:
                    self.world.heard |= {one["id"]}
                else:
                    refused.append(answered)
        if refused:
            raise later(refused[0])

    def seen(self) -> dict[str, Any]:
        """Return all that there is of the customer, here and at Stripe, without ids."""
        found = {
            "customers": len([one for one in self.at_stripe("customer") if "deleted" not in one]),
            "lines": sorted(
                one["amount"] for one in self.at_stripe("invoiceitem") if one["invoice"] is None
            ),
            "discounts": sorted(len(one["discounts"]) for one in self.at_stripe("subscription")),
            "schedules": sorted(
                one["status"]
                for one in self.at_stripe("subscription_schedule")
                if one["status"] in ("active", "not_started")
            ),
            "pages": sorted(one["status"] for one in self.at_stripe("checkout.session")),
        }
        if self.ask("customers.get").status == 404:
            return found | {"left": self._left()}
        session = session_of(self.world.table, self.shop.clock.now)
        return found | outcome(self.shop, session, CUSTOMER, self.stripe_id)

    def at_stripe(self, kind: str) -> list[Any]:
        return list(self.shop.stripe.double.account.objects(kind).values())

    def _fresh(self) -> list[Any]:
        return [one for one in self.shop.stripe.reports("") if one["id"] not in self.world.heard]

    def _left(self) -> list[str]:
        """What kinds of items the table has that are of a customer."""
        found = self.world.table.client.scan(TableName=self.world.table.name)["Items"]
        kinds = (re.split(r"[^A-Z]", one["sk"]["S"])[0] for one in found if "internal_id" in one)
        return sorted(kinds)


def later(refused: Response) -> NotNow:
    """Return what says that something is to come again; it must not be refused for good."""
    assert refused.status in LATER, refused
    return NotNow(str(refused))


type Act = Callable[[Case], object]


class Scenario(NamedTuple):
    """What is interrupted, and what was before.

    `is_order` says that all of it is one order: whoever looks after the job finds it done or not.
    """

    act: Act
    given: Sequence[Act] = ()
    card: str | None = "pm_card_visa"
    is_there: bool = True
    is_order: bool = True


def asked(operation: str, **body: Any) -> Act:
    """Ask for an operation with an idempotency key, again if need be."""

    def act(case: Case) -> None:
        answered = case.ask(operation, key="once", **body)
        if answered.status != 200 and answered.body["code"] not in REPEATED:
            raise later(answered)

    return act


def did(operation: str, **body: Any) -> Act:
    def act(case: Case) -> None:
        case.done(operation, **body)
        case.hear()

    return act


def quietly(operation: str, **body: Any) -> Act:
    """Do it, and let no report come of it yet."""
    return lambda case: case.done(operation, **body)


@cache
def attach(plan_id: str) -> Act:
    return did("billing.attach", plan_id=plan_id)


def units(plan_id: str, quantity: float) -> dict[str, Any]:
    bought = [{"feature_id": "seats", "quantity": quantity}]
    return {"plan_id": plan_id, "feature_quantities": bought}


def canceled(plan_id: str) -> Act:
    return did("billing.update", plan_id=plan_id, cancel_action=CANCEL)


def paid_page(operation: str, **body: Any) -> Act:
    """Ask for a page and pay on it."""

    def act(case: Case) -> None:
        answer = case.done(operation, **body)
        url = answer.get("payment_url") or answer["url"]
        session_id = url.rpartition("/")[2].partition("#")[0]
        case.hear()
        case.shop.stripe.control(f"checkout/sessions/{session_id}/pay", {"card": "pm_card_visa"})

    return act


def paid_later(case: Case) -> None:
    case.shop.save_card(case.stripe_id, "pm_card_chargeCustomerFail")
    answer = case.done("billing.attach", plan_id="premium")
    assert answer["required_action"]["code"] == "payment_failed"
    case.hear()
    case.shop.save_card(case.stripe_id)
    case.shop.api(f"invoices/{answer['invoice']['stripe_id']}/pay")


def offered(operation: str, **body: Any) -> Act:
    """Ask for something that is decided on a page of ours."""

    def act(case: Case) -> None:
        case.offer = case.done(operation, **body)["payment_url"]
        case.hear()

    return act


def came(method: str, total: str = "0") -> Act:
    """Open the page of an offer, or press its button; again if need be."""

    def act(case: Case) -> None:
        case.shop.clock.advance(seconds=1)
        came = visit(case.offer, method, f"total={total}")
        if came.status not in (200, 303):
            raise later(Response(came.status, came.text, came.headers))

    return act


def sent_and_paid(case: Case) -> None:
    answer = case.done("billing.attach", plan_id="pro", invoice_mode=SENT)
    case.hear()
    case.shop.stripe.step(answer["invoice"]["stripe_id"], "pay")


def unpaid(case: Case) -> None:
    """A page that nobody pays on."""
    case.done("billing.attach", plan_id="pro", enable_plan_immediately=True)
    case.hear()
    (page,) = case.at_stripe("checkout.session")
    case.shop.stripe.control(f"checkout/sessions/{page['id']}/expire")


@cache
def used(value: float) -> Act:
    return quietly("balances.track", feature_id="messages", value=value)


def month_end(case: Case) -> None:
    case.hear()
    told = {"by": 31 * 86_400, "stop_after": "invoice.created"}
    answer = case.shop.stripe.control("clock/advance", told)
    case.shop.clock.now = int(answer["now"]) * 1000


def end_of_month(case: Case) -> None:
    """A month passes, without a renewal at its end."""
    case.hear()
    answer = case.shop.stripe.control("clock/advance", {"by": 31 * 86_400})
    case.shop.clock.now = int(answer["now"]) * 1000


def ended_at_stripe(case: Case) -> None:
    (held,) = case.shop.subscriptions(case.stripe_id)
    case.shop.api(f"subscriptions/{held['id']}", "DELETE")


@cache
def a_coupon(**terms: Any) -> Act:
    """A coupon that Stripe has."""
    given = {"id": "fifth", "percent_off": 20, "duration": "forever", **terms}
    return lambda case: case.shop.api("coupons", **given)


def with_coupon(case: Case) -> None:
    case.done("coupons.add", coupon_id="fifth")
    case.hear()


def a_gift(case: Case) -> None:
    """Features that are given to who knows the word."""
    grant = {"feature_id": "messages", "included": 1000, "expiry": None}
    reward = {
        "id": "beta",
        "name": "Beta",
        "grants": [grant],
        "promo_codes": [{"code": "BETA", "max_uses": 2}],
    }
    made = case.shop.call("rewards.create", {"feature_grant": reward})
    assert made.status == 200, made


def a_starter(case: Case) -> None:
    """A plan with a price that new customers get."""
    trial = {"duration_length": 14, "duration_type": "day", "card_required": False}
    fields = {"price": {"amount": 20, "interval": "month"}, "free_trial": trial}
    a_plan(case.shop.call, "starter", monthly("messages", 700), auto_enable=True, **fields)


def hear(case: Case) -> None:
    case.hear()


CANCEL, AT_ONCE, BACK = "cancel_end_of_cycle", "cancel_immediately", "uncancel"
TEN_PACKS = did("billing.attach", **units("later_packs", 10))

SCENARIOS: dict[str, Scenario] = {
    "a first plan": Scenario(asked("billing.attach", plan_id="pro")),
    "a trial": Scenario(asked("billing.attach", plan_id="tried")),
    "an upgrade": Scenario(asked("billing.attach", plan_id="premium"), [attach("pro")]),
    "an upgrade out of a trial": Scenario(
        asked("billing.attach", plan_id="premium"), [attach("tried")]
    ),
    "an upgrade that begins anew": Scenario(
        asked("billing.attach", plan_id="premium", billing_cycle_anchor="now"), [attach("pro")]
    ),
    "an upgrade with a coupon for once": Scenario(
        asked("billing.attach", plan_id="premium"),
        [attach("pro"), a_coupon(duration="once"), with_coupon],
    ),
    "a downgrade": Scenario(asked("billing.attach", plan_id="pro"), [attach("premium")]),
    "another downgrade": Scenario(
        asked("billing.attach", plan_id="pro"), [attach("growth"), attach("premium")]
    ),
    "an upgrade beside a downgrade": Scenario(
        asked("billing.attach", plan_id="addon"), [attach("premium"), attach("pro")]
    ),
    "a page": Scenario(asked("billing.attach", plan_id="pro"), card=None),
    "a page by a lasting link": Scenario(
        came("GET"),
        [offered("billing.attach", plan_id="pro", long_lived_checkout=True)],
        card=None,
    ),
    "an upgrade that is confirmed": Scenario(
        came("POST", "30"),
        [attach("pro"), offered("billing.attach", plan_id="premium", redirect_mode="always")],
    ),
    "a paid page": Scenario(hear, [paid_page("billing.attach", plan_id="pro")], card=None),
    "a page that nobody paid on": Scenario(hear, [unpaid], card=None),
    "a change that was paid for later": Scenario(hear, [attach("pro"), paid_later]),
    "an invoice": Scenario(asked("billing.attach", plan_id="pro", invoice_mode=SENT), card=None),
    "a paid invoice": Scenario(hear, [sent_and_paid], card=None),
    "a way down to what is free": Scenario(
        asked("billing.attach", plan_id="free"), [attach("pro")]
    ),
    "a purchase": Scenario(asked("billing.attach", plan_id="once")),
    "a purchase beside a plan": Scenario(asked("billing.attach", plan_id="once"), [attach("pro")]),
    "several plans": Scenario(
        asked("billing.multi_attach", plans=[{"plan_id": one} for one in ("pro", "addon", "once")])
    ),
    "several plans beside one": Scenario(
        asked("billing.multi_attach", plans=[{"plan_id": one} for one in ("premium", "addon")]),
        [attach("pro")],
    ),
    "a card and a plan after it": Scenario(
        hear, [paid_page("billing.setup_payment", plan_id="pro")], card=None
    ),
    "a page for a card": Scenario(asked("billing.setup_payment", plan_id="pro"), card=None),
    "more units": Scenario(
        asked("billing.update", **units("team_packs", 10)),
        [did("billing.attach", **units("team_packs", 5))],
    ),
    "more units with the next invoice": Scenario(
        asked("billing.update", **units("later_packs", 10)),
        [did("billing.attach", **units("later_packs", 5))],
    ),
    "fewer units from the next cycle": Scenario(
        asked("billing.update", **units("later_packs", 5)),
        [TEN_PACKS],
    ),
    "a renewal with fewer units": Scenario(
        hear, [TEN_PACKS, did("billing.update", **units("later_packs", 5)), month_end]
    ),
    "a cancellation": Scenario(
        asked("billing.update", plan_id="pro", cancel_action=CANCEL), [attach("pro")]
    ),
    "a cancellation at once": Scenario(
        asked("billing.update", plan_id="pro", cancel_action=AT_ONCE), [attach("pro")]
    ),
    "a cancellation with a refund": Scenario(
        asked("billing.update", plan_id="pro", cancel_action=AT_ONCE, refund_last_payment="full"),
        [attach("pro")],
    ),
    "a cancellation taken back": Scenario(
        asked("billing.update", plan_id="pro", cancel_action=BACK),
        [attach("pro"), canceled("pro")],
    ),
    "a cancellation that comes true": Scenario(
        hear, [attach("metered"), used(130), canceled("metered"), end_of_month]
    ),
    "a subscription ended at Stripe": Scenario(hear, [attach("pro"), ended_at_stripe]),
    "a renewal with usage": Scenario(hear, [attach("metered"), used(130), month_end]),
    "a renewal with a downgrade": Scenario(hear, [attach("premium"), attach("pro"), month_end]),
    "seats that are taken": Scenario(
        asked("balances.track", feature_id="seats", value=3), [attach("team")], is_order=False
    ),
    "seats that are given back": Scenario(
        asked("balances.track", feature_id="seats", value=-2),
        [attach("team"), did("balances.track", feature_id="seats", value=4)],
        is_order=False,
    ),
    "a coupon": Scenario(
        asked("coupons.add", coupon_id="fifth"), [attach("pro"), a_coupon()], is_order=False
    ),
    "a coupon for once": Scenario(
        asked("coupons.add", coupon_id="fifth"),
        [attach("pro"), a_coupon(duration="once")],
        is_order=False,
    ),
    "a coupon that goes": Scenario(
        asked("coupons.remove", coupon_id="fifth"),
        [attach("pro"), a_coupon(), with_coupon],
        is_order=False,
    ),
    "a gift": Scenario(asked("rewards.redeem", code="BETA"), [a_gift], is_order=False),
    "a customer who gets a plan": Scenario(
        asked("customers.get_or_create", email="ada@example.com"),
        [a_starter],
        is_there=False,
        is_order=False,
    ),
    "bringing into line": Scenario(
        asked("billing.sync"),
        [quietly("billing.attach", plan_id="pro"), ended_at_stripe],
        is_order=False,
    ),
    "bringing a paid page into line": Scenario(
        asked("billing.sync"),
        [paid_page("billing.attach", plan_id="pro")],
        card=None,
        is_order=False,
    ),
    "a deletion": Scenario(
        asked("customers.delete", delete_in_stripe=True), [attach("pro")], is_order=False
    ),
    "an entity that goes with its plans": Scenario(
        asked("entities.delete", entity_id="a"),
        [
            did("entities.create", entity_id="a", feature_id="seats"),
            did("billing.attach", plan_id="premium", entity_id="a"),
            did("billing.attach", plan_id="pro", entity_id="a"),
        ],
        is_order=False,
    ),
}


def catalogue(case: Case) -> None:
    """Plans of every way to be paid for."""
    shop = case.shop
    a_feature(shop.call, "seats", consumable=False)
    price = {"amount": 20, "interval": "month"}
    usage = {"amount": 0.1, "interval": "month", "billing_method": "usage_based"}
    metered = {"feature_id": "messages", "included": 100, "price": usage}
    a_plan(shop.call, "metered", metered, price=price)
    seat = {"amount": 10, "interval": "month", "billing_method": "usage_based"}
    prorated = {"on_increase": "bill_immediately", "on_decrease": "prorate"}
    taken = {"feature_id": "seats", "included": 1, "price": seat, "proration": prorated}
    a_plan(shop.call, "team", taken, price=price)
    pack = {"feature_id": "seats", "price": {**seat, "billing_method": "prepaid"}}
    a_plan(shop.call, "team_packs", pack)
    deferred = {"on_increase": "prorate_next_cycle", "on_decrease": "none"}
    a_plan(shop.call, "later_packs", {**pack, "proration": deferred})
    trial = {"duration_length": 7, "duration_type": "day", "card_required": False}
    a_plan(shop.call, "tried", price=price, free_trial=trial)


@cache
def customer(card: str | None) -> Act:
    return lambda case: case.shop.customer(CUSTOMER, card)


#: How things were after steps that several scenarios begin with.
_KEPT: dict[tuple[Act, ...], Moment] = {}


def prepared(case: Case, scenario: Scenario) -> None:
    """Let it come to where the scenario begins; what was done before is not done again."""
    there = (customer(scenario.card),) if scenario.is_there else ()
    steps = (catalogue, *there, *scenario.given)
    known = next((n for n in range(len(steps), 0, -1) if steps[:n] in _KEPT), 0)
    if known:
        case.world.back(_KEPT[steps[:known]])
    for number, step in enumerate(steps[known:], known + 1):
        step(case)
        _KEPT[steps[:number]] = case.world.moment()


def not_now(act: Callable[[], object]) -> None:
    """Act, and do not mind if it is to come again."""
    with suppress(NotNow):
        act()
