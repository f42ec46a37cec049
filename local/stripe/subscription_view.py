"""How Stripe shows a subscription; inside, its items are a plain list."""

from local.stripe.account import Document

_HIDDEN = "_"


def shown(kept: Document) -> Document:
    """Return a subscription as Stripe sends it."""
    sent = {name: value for name, value in kept.items() if not name.startswith(_HIDDEN)}
    items = [
        {name: value for name, value in item.items() if not name.startswith(_HIDDEN)}
        for item in kept["items"]
    ]
    url = f"/v1/subscription_items?subscription={kept['id']}"
    sent["items"] = {"object": "list", "data": items, "has_more": False, "url": url}
    return sent
