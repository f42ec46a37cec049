"""The page of a Checkout session: what is bought, how it is paid, and the way back."""

from string import Template

from local.stripe import checkout_lines
from local.stripe.account import Account, Document
from local.stripe.checkout_paying import needs_card
from local.stripe.layout import alert, text, whole
from local.stripe.pages import day, money

#: The cards to choose from, with what they do.
CARDS = {
    "pm_card_visa": "4242 &middot; pays",
    "pm_card_mastercard": "4444 &middot; pays, a Mastercard",
    "pm_card_authenticationRequired": "3184 &middot; asks for 3-D Secure",
    "pm_card_visa_chargeDeclined": "0002 &middot; is declined",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "9995 &middot; has insufficient funds",
    "pm_card_chargeCustomerFail": "0341 &middot; can be saved, is declined when it shall pay",
}
_BUTTONS = {"payment": "Pay", "setup": "Save card", "subscription": "Subscribe"}


def hosted(account: Account, session: Document, filled: Document, wrong: str = "") -> str:
    """Return the page of an open session; `filled` is what was typed so far."""
    fields = {
        "account": "Test account",
        "alert": alert(wrong),
        "back": _back(session),
        "button": _BUTTONS[session["mode"]],
        "cards": _cards(filled) if needs_card(session) else "",
        "email": _input("email", "E-mail", filled.get("email") or _known(account, session)),
        "name": _input("name", "Name on the card", filled.get("name", "")),
        "code": _code(account, session, filled),
        "headline": "Save a card",
        "table": "",
    }
    if session["mode"] != "setup":
        order = checkout_lines.order(account, session)
        total = money(order.total, session["currency"])
        fields["headline"] = text(total)
        fields["table"] = _table(session, order)
        if session["mode"] == "payment" or order.total:
            fields["button"] += f" {text(total)}"
    return whole("Checkout", _BODY.substitute(fields))


def secure(session: Document, filled: Document) -> str:
    """Return the page on which the bank asks whether it is you."""
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{text(filled.get(name, ""))}">'
        for name in ("card", "email", "name")
    )
    amount = session["amount_total"]
    asked = f" of {money(amount, session['currency'])}" if amount else ""
    return whole("3-D Secure", _SECURE.substitute(hidden=hidden, asked=text(asked)))


def over(session: Document) -> str:
    """Return the page of a session that can't be paid any more."""
    said = {
        "complete": "This was paid already.",
        "expired": "This page has expired. Go back and start again.",
    }[session["status"]]
    return whole("Checkout", f"<h1>{said}</h1><footer>{_back(session)}</footer>")


def _table(session: Document, order: checkout_lines.Order) -> str:
    rows = "".join(_row(line, session["_free"]) for line in order.lines)
    currency = session["currency"]
    label = "Total due today" if session["mode"] == "subscription" else "Total"
    offs = [(_named(off.coupon, currency), -off.amount) for off in order.offs]
    sums = [("Subtotal", order.subtotal), *offs, (label, order.total)]
    foot = "".join(
        _SUM.substitute(name=text(name), amount=text(money(amount, currency)))
        for name, amount in sums
    )
    return f"<table><tbody>{rows}</tbody><tfoot>{foot}</tfoot></table>{_trial(session)}"


def _trial(session: Document) -> str:
    data = session["_subscription_data"]
    if "trial_end" in data:
        return f"<p>Free until {day(data['trial_end'])}.</p>"
    if "trial_period_days" in data:
        return f"<p>Free for {data['trial_period_days']} days.</p>"
    return ""


def _row(line: Document, free: bool) -> str:  # noqa: FBT001 - one of two looks
    price, currency = line["price"], line["currency"]
    small = ""
    if price["recurring"]:
        unit, count = price["recurring"]["interval"], price["recurring"]["interval_count"]
        each = money(price["unit_amount"], currency) if price["unit_amount"] is not None else ""
        often = f"every {count} {unit}s" if count > 1 else f"per {unit}"
        small = f"<small>{text(each)} {often}{' after that' if free else ''}</small>"
    amount = text(money(line["amount_subtotal"], currency))
    described = f"<td>{text(line['description'])}{small}</td>"
    return f"<tr>{described}<td>{_quantity(line)}</td><td>{amount}</td></tr>"


def _quantity(line: Document) -> str:
    bounds = line["adjustable_quantity"]
    if bounds is None:
        return text(line["quantity"])
    return (
        f'<input type="number" name="quantity_{line["id"]}" value="{line["quantity"]}" '
        f'min="{bounds["minimum"]}" max="{bounds["maximum"]}" '
        f'aria-label="Quantity of {text(line["description"])}">'
    )


def _named(coupon: Document, currency: str) -> str:
    """A coupon's name with what it takes off."""
    off = f"{coupon['percent_off']:g}%" if coupon["percent_off"] else ""
    off = off or money(coupon["amount_off"], currency)
    return f"{coupon['name'] or coupon['id']} ({off} off)"


def _code(account: Account, session: Document, filled: Document) -> str:
    if not session["allow_promotion_codes"] or session["mode"] == "setup":
        return '<button class="quiet" name="do" value="update">Update</button>' * any(
            line["adjustable_quantity"] for line in session["_lines"]
        )
    used = next((one["promotion_code"] for one in session["discounts"]), None)
    if used is not None:
        code = account.get("promotion_code", used)["code"]
        remove = '<button class="plain" name="do" value="remove">Remove</button>'
        return f"<p>Promotion code <b>{text(code)}</b> {remove}</p>"
    typed = _input("promotion_code", "Promotion code", filled.get("promotion_code", ""))
    apply = '<button class="quiet" name="do" value="update">Apply</button>'
    return f'<div class="row">{typed}{apply}</div>'


def _input(name: str, label: str, value: str | None) -> str:
    kind = "email" if name == "email" else "text"
    return (
        f'<label>{label}<input type="{kind}" name="{name}" value="{text(value or "")}" '
        'autocomplete="off"></label>'
    )


def _known(account: Account, session: Document) -> str | None:
    """The address that the session's customer has."""
    email: str | None = session["customer_email"]
    if session["customer"] is not None:
        email = account.get("customer", session["customer"]).get("email")
    return email


def _cards(filled: Document) -> str:
    chosen = filled.get("card") if filled.get("card") in CARDS else "pm_card_visa"
    return "<h2>Card</h2>" + "".join(
        f'<label class="choice"><input type="radio" name="card" value="{card}"'
        f"{' checked' if card == chosen else ''}><span>{label}</span></label>"
        for card, label in CARDS.items()
    )


def _back(session: Document) -> str:
    address = session["cancel_url"]
    return f'<a href="{text(address)}">Back</a>' if address else ""


_SUM = Template("<tr><th scope=row colspan=2>$name</th><td>$amount</td></tr>")
_BODY = Template("""
  <header><div><p>$account</p><h1>$headline</h1></div><span class="state">test</span></header>
  $alert
  <form method="post"><button hidden name="do" value="update"></button>
  $table$code$email$name$cards
  <footer><button name="do" value="pay">$button</button>$back</footer></form>
""")
_SECURE = Template("""
  <header><div><p>Your bank</p><h1>Is it you?</h1>
  <p>Confirm the payment$asked.</p></div></header>
  <form method="post">$hidden
  <footer><button name="do" value="confirm">Confirm</button>
  <button class="quiet" name="do" value="refuse">Refuse</button></footer></form>
""")
