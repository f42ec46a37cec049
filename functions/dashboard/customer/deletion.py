"""The form that deletes a customer, what would be lost, and the receipt of what was done."""

import json
from collections.abc import Mapping
from typing import Any

from dashboard import forms, terminal
from dashboard.customer import features as customer_features
from dashboard.customer import products as customer_products
from dashboard.figures import money, number
from orchard.contracts.deletion import DeleteCustomerRequest
from orchard.contracts.request import parse, prepare
from orchard.errors import InvalidInputs

type View = Mapping[str, Any]

OPERATION = "customers.delete"
FIELDS = ("stripe", "anonymize", "confirm", "reason", "reference")
KEEP, END = "keep", "delete"
STRIPE = {KEEP: "Leave Stripe alone", END: "Delete the customer in Stripe too"}
INVOICES = {"": "Delete them", "yes": "Keep them, without personal data"}
_COUNTED = ("events", "changes", "invoices")
#: What became of a step, in words, and the colour of it.
_TABLE = {"done": ("Deleted", "green"), "scheduled": ("Waits for Stripe", "orange")}
_STRIPE = {
    "none": ("Not at Stripe", "secondary"),
    "kept": ("Left alone", "secondary"),
    "done": ("Deleted", "green"),
    "retried": ("Failed", "red"),
}
_HISTORY = {"scheduled": ("Hidden now, removed within the hour", "secondary")}
_INVOICES = {**_HISTORY, "kept": ("Kept, without personal data", "green")}

prepare(DeleteCustomerRequest)


def first(customer: View) -> dict[str, str]:
    """Return the form as it is opened; who waits for Stripe is to be deleted there too."""
    stripe = END if is_begun(customer) else KEEP
    return forms.typed({}, FIELDS) | {"stripe": stripe, "key": forms.new_key()}


def is_begun(customer: View) -> bool:
    """Whether the deletion has begun, and waits for Stripe."""
    return customer.get("status") == "deleting"


def body(customer_id: str, values: View) -> dict[str, Any]:
    """Return the body of `customers.delete` for what was chosen."""
    causes = {name: values[name] for name in ("reason", "reference") if values[name]}
    return {
        "customer_id": customer_id,
        "delete_in_stripe": values["stripe"] == END,
        "anonymize": values["anonymize"] == "yes",
        **causes,
    }


def request(asked: View, *, dry_run: bool = False) -> DeleteCustomerRequest:
    """Return the API's request. Errors: `InvalidInputs`."""
    return parse(DeleteCustomerRequest, {**asked, "dry_run": dry_run})


def to_type(customer: View) -> str:
    """Return what is to be typed before the customer is deleted."""
    return str(customer["id"] or customer["name"] or customer["email"])


def check_typed(customer: View, values: View) -> None:
    """Refuse unless the customer's id or name was typed. Errors: `InvalidInputs`."""
    if values["confirm"] not in {to_type(customer), (customer["name"] or "").strip()} - {""}:
        raise InvalidInputs(f"confirm: type {to_type(customer)} exactly")


def in_words(found: View, customer: View) -> dict[str, Any]:
    """Return what would be lost, as people read it."""
    plans, features = customer_products.names(customer), customer_features.choices(customer)
    open_ones = [money(one["total"], one["currency"]) for one in found["open_invoices"]]
    return {
        "subscriptions": [
            {
                "id": one["stripe_subscription_id"],
                "plans": ", ".join(plans.get(name, name) for name in one["plan_ids"]),
                "goes_on": one["goes_on"],
            }
            for one in found["subscriptions"]
        ],
        "lost": [
            ("Plans", [plans.get(one["plan_id"], one["plan_id"]) for one in found["plans"]]),
            ("Balances", [_balance(one, features) for one in found["balances"]]),
            ("Entities", found["entities"]),
            ("Coupons", found["coupons"]),
            ("Open invoices", open_ones),
        ],
        "counts": [(name.capitalize(), _count(found, name)) for name in _COUNTED],
        "invoices_kept": found["invoices_kept"],
        "stripe": found["stripe"],
        "deletion": found["deletion"],
    }


def curl(asked: View) -> str:
    """Return the same call for a terminal."""
    return terminal.curl(OPERATION, asked)


def receipt(answered: View) -> dict[str, Any]:
    """Return what was done, step by step, as people read it."""
    told = answered["receipt"]
    stripe = told["stripe"]
    steps = (
        ("Customer, plans, entities and balances", _TABLE[told["table"]["outcome"]]),
        ("Customer at Stripe", _STRIPE[stripe["outcome"]]),
        ("Events and changes", _HISTORY[told["history"]["outcome"]]),
        ("Invoices", _INVOICES[told["invoices"]["outcome"]]),
    )
    return {
        "is_done": answered["success"],
        "change_id": told["change_id"],
        "steps": steps,
        "error": stripe.get("error", ""),
        "going_on": stripe.get("subscriptions_going_on", []),
        "json": json.dumps(answered, ensure_ascii=False, indent=2),
    }


def known_receipt(change_id: str) -> dict[str, Any]:
    """Return what is left to say to who sends the form again."""
    nothing: dict[str, Any] = {"steps": (), "error": "", "going_on": [], "json": ""}
    return {**nothing, "is_done": True, "change_id": change_id}


def _balance(one: View, features: Mapping[str, str]) -> str:
    called = features.get(one["feature_id"], one["feature_id"])
    left = "unlimited" if one["unlimited"] else f"{number(one['remaining'])} left"
    return f"{called}: {left}"


def _count(found: View, name: str) -> str:
    more = " or more" if found[name] >= found["counted_up_to"] else ""
    return number(found[name]) + more
