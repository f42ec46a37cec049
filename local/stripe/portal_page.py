"""The page of the customer portal: subscriptions, card, invoices, and the way back."""

from string import Template

from local.stripe import portal
from local.stripe.account import Document
from local.stripe.checkout_page import CARDS
from local.stripe.layout import alert, text, whole
from local.stripe.pages import day, money
from local.stripe.prices import interval
from local.stripe.shop import Shop

_MOST_INVOICES = 12


def hosted(shop: Shop, session: Document, wrong: str = "") -> str:
    """Return the page of a session."""
    features = portal.features_of(shop, session)
    customer = shop.account.get("customer", session["customer"])
    parts = [_subscriptions(shop, session, features)]
    if features["payment_method_update"]["enabled"]:
        parts.append(_cards(shop, customer))
    if features["invoice_history"]["enabled"]:
        parts.append(_invoices(shop, customer))
    back = session["return_url"]
    body = _BODY.substitute(
        alert=alert(wrong),
        customer=text(customer.get("name") or customer.get("email") or "Customer"),
        parts="".join(parts),
        back=f'<a href="{text(back)}">Back</a>' if back else "",
    )
    return whole("Billing", body)


def _subscriptions(shop: Shop, session: Document, features: Document) -> str:
    living = portal.subscriptions_of(shop, session)
    if not living:
        return "<h2>Subscriptions</h2><p>There are none.</p>"
    may = features["subscription_cancel"]["enabled"]
    return "<h2>Subscriptions</h2>" + "".join(_subscription(shop, one, may=may) for one in living)


def _subscription(shop: Shop, kept: Document, *, may: bool) -> str:
    rows = "".join(_item(shop, item) for item in kept["items"])
    leaving = kept["cancel_at"] is not None
    end = kept["cancel_at"] or min(item["current_period_end"] for item in kept["items"])
    said = f"{kept['status']} &middot; " + ("ends" if leaving else "renews")
    button = _BUTTON.substitute(
        action="renew" if leaving else "cancel",
        chosen=text(kept["id"]),
        label="Keep it" if leaving else "Cancel",
    )
    return f"<table><tbody>{rows}</tbody></table><p>{said} {day(end)}</p>{button if may else ''}"


def _item(shop: Shop, item: Document) -> str:
    price = item["price"]
    unit, count = interval(price)
    often = f"every {count} {unit}s" if count > 1 else f"per {unit}"
    name = shop.account.get("product", price["product"])["name"]
    each = money(price["unit_amount"] or 0, price["currency"])
    return f"<tr><td>{text(name)}</td><td>{item['quantity']}</td><td>{text(each)} {often}</td></tr>"


def _cards(shop: Shop, customer: Document) -> str:
    current = customer["invoice_settings"]["default_payment_method"]
    method = shop.account.objects("payment_method").get(current or "")
    said = (
        f"Invoices are charged to the card ending in {method['card']['last4']}." if method else ""
    )
    choices = "".join(
        f'<label class="choice"><input type="radio" name="chosen" value="{card}" required>'
        f"<span>{label}</span></label>"
        for card, label in CARDS.items()
    )
    return _CARDS.substitute(said=said, choices=choices)


def _invoices(shop: Shop, customer: Document) -> str:
    kept = shop.account.objects("invoice").values()
    mine = [one for one in kept if one["customer"] == customer["id"] and one["number"]]
    rows = "".join(
        f'<tr><td><a href="/i/{one["token"]}">{text(one["number"])}</a></td>'
        f"<td>{text(one['status'])}</td><td>{text(money(one['total'], one['currency']))}</td></tr>"
        for one in mine[: -_MOST_INVOICES - 1 : -1]
    )
    return f"<h2>Invoices</h2><table><tbody>{rows}</tbody></table>"


_BUTTON = Template("""<form method="post"><input type="hidden" name="chosen" value="$chosen">
  <button class="quiet" name="do" value="$action">$label</button></form>""")
_CARDS = Template("""<h2>Card</h2><p>$said</p><form method="post">$choices
  <footer><button class="quiet" name="do" value="card">Use this card</button></footer></form>""")
_BODY = Template("""
  <header><div><p>Test account</p><h1>Billing</h1><p>$customer</p></div>
  <span class="state">test</span></header>
  $alert$parts
  <footer>$back</footer>
""")
