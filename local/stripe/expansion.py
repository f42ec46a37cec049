"""`expand`: objects in the place of their ids, at most four levels deep."""

from collections.abc import Callable
from typing import Any

from local.stripe.account import Document
from local.stripe.failures import Refused

_DEEPEST = 4
#: What an id in a field of this name stands for.
_KINDS = {
    "customer": "customer",
    "price": "price",
    "coupon": "coupon",
    "discount": "discount",
    "discounts": "discount",
    "charge": "charge",
    "default_payment_method": "payment_method",
    "latest_charge": "charge",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
    "promotion_code": "promotion_code",
    "setup_intent": "setup_intent",
    "invoice": "invoice",
    "latest_invoice": "invoice",
    "product": "product",
    "schedule": "subscription_schedule",
    "subscription": "subscription",
}
#: What an object shows only when it is asked for; found under the kind `invoice.payments`.
_INCLUDED = {
    ("checkout.session", "line_items"),
    ("coupon", "applies_to"),
    ("invoice", "payments"),
}

type Look = Callable[[str, str], Any]


def expand(shown: Document, paths: list[str], look: Look) -> Document:
    """Return an object with the ids at these paths replaced.

    `look(kind, id)` finds an object as Stripe shows it (see views.py).
    """
    for path in paths:
        parts = path.split(".")
        if len(parts) > _DEEPEST:
            message = f"You cannot expand more than {_DEEPEST} levels of a property."
            raise Refused(f"{message} Property: {path}", param="expand")
        shown = _walk(shown, parts, look, path)
    return shown


def _walk(place: Any, parts: list[str], look: Look, path: str) -> Any:
    """A copy of `place` in which the rest of the path is expanded."""
    if isinstance(place, list):
        return [_walk(one, parts, look, path) for one in place]
    if not parts or place is None:
        return place
    name, rest = parts[0], parts[1:]
    if isinstance(place, dict) and (place.get("object"), name) in _INCLUDED:
        included = look(f"{place['object']}.{name}", place["id"])
        return {**place, name: _walk(included, rest, look, path)}
    if not isinstance(place, dict) or name not in place:
        raise Refused(f"This property cannot be expanded ({path}).", param="expand")
    value = _whole(place[name], name, look)
    if not rest and name not in _KINDS:
        raise Refused(f"This property cannot be expanded ({path}).", param="expand")
    return {**place, name: _walk(value, rest, look, path)}


def _whole(value: Any, name: str, look: Look) -> Any:
    """A value with the ids in it replaced by what they stand for."""
    if isinstance(value, list):
        return [_whole(one, name, look) for one in value]
    if isinstance(value, str) and name in _KINDS:
        return look(_KINDS[name], value)
    return value
