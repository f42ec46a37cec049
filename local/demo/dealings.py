"""What customers of the demo data did about money: what they bought, when, with which card."""

from typing import Any, NamedTuple

from local.demo.product import Body


class Invoice(NamedTuple):
    """An invoice that somebody wrote in Stripe: when, what for, what became of it."""

    days_ago: int
    #: Description and amount in cents of each line.
    lines: tuple[tuple[str, int], ...]
    then: tuple[str, ...] = ("finalize", "pay")


class Dealing(NamedTuple):
    """What a customer did about money: when, and the operation, or `card` to put one on file."""

    days_ago: int
    operation: str
    body: Body


def _card(days_ago: int, card: str = "pm_card_visa") -> Dealing:
    return Dealing(days_ago, "card", {"card": card})


def _plan(days_ago: int, plan_id: str = "pro", **body: Any) -> Dealing:
    return Dealing(days_ago, "billing.attach", {"plan_id": plan_id, **body})


def _used(days_ago: int, feature_id: str, value: int) -> Dealing:
    return Dealing(days_ago, "balances.track", {"feature_id": feature_id, "value": value})


# Less of everything for less money, agreed with one customer.
_OWN: Body = {
    "price": {"amount": 29, "interval": "month"},
    "remove_items": [{"feature_id": "messages"}],
    "add_items": [
        {
            "feature_id": "messages",
            "included": 2000,
            "reset": {"interval": "month"},
            "price": {
                "amount": 2,
                "billing_units": 1000,
                "interval": "month",
                "billing_method": "usage_based",
            },
        }
    ],
    "free_trial": None,
}
_FOURTEEN_DAYS: Body = {"free_trial": {"duration_length": 14, "duration_type": "day"}}
_ENDS = {"plan_id": "pro", "cancel_action": "cancel_end_of_cycle"}
_FAILING = "pm_card_chargeCustomerFail"

PAYS = (_card(61), _plan(61))
LAUNCHED = (_card(58), _plan(58, discounts=[{"reward_id": "spring20"}]))
SMALLER = (_card(36), _plan(36, customize=_OWN), _used(20, "messages", 3400))
OVERDUE = (_card(40), _plan(40), _card(12, _FAILING))
LEAVES = (_card(31), _plan(31), Dealing(0, "billing.update", _ENDS))
BUYS = (
    _card(24),
    _plan(24, "pack", feature_quantities=[{"feature_id": "messages", "quantity": 10_000}]),
)
TRIES = (_card(0), _plan(0, customize=_FOURTEEN_DAYS))
GROWS = (_card(45), _plan(45), _plan(9, "scale"))
GIVEN_UP = (Invoice(29, (("Setup", 9900),), ("finalize", "fail", "mark_uncollectible")),)
VOIDED = (
    Invoice(33, (("Training", 49000), ("Training", 49000)), ("finalize", "void")),
    Invoice(32, (("Training", 49000),)),
    Invoice(0, (("Training", 49000),), ()),
)
