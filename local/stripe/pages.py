"""What a customer sees: the hosted invoice page, with a button that pays, and the PDF."""

import html
from datetime import UTC, datetime
from decimal import Decimal
from string import Template

from local.stripe.account import Document
from local.stripe.layout import whole
from local.stripe.pdf import Rule, Text, document

_WITHOUT_MINOR_UNIT = {
    "bif",
    "clp",
    "djf",
    "gnf",
    "jpy",
    "kmf",
    "krw",
    "mga",
    "pyg",
    "rwf",
    "vnd",
    "vuv",
    "xaf",
    "xof",
    "xpf",
}
_THREE_DECIMALS = {"bhd", "jod", "kwd", "omr", "tnd"}
_SIGNS = {"usd": "$", "eur": "€", "gbp": "£"}
_STATES = {"open": "due", "paid": "paid", "void": "void", "uncollectible": "uncollectible"}


def money(amount: int, currency: str) -> str:
    """Return an amount of minor units as people read it."""
    places = 0 if currency in _WITHOUT_MINOR_UNIT else 3 if currency in _THREE_DECIMALS else 2
    text = f"{abs(Decimal(amount).scaleb(-places)):,.{places}f}"
    sign = "-" if amount < 0 else ""
    if currency in _SIGNS:
        return f"{sign}{_SIGNS[currency]}{text}"
    return f"{sign}{text} {currency.upper()}"


def day(at: int | None) -> str:
    """Return the UTC day of a time in seconds."""
    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%-d %B %Y}"


def hosted(invoice: Document, lines: list[Document], path: str) -> str:
    """Return the page of an invoice that is kept under `path`."""
    rows = "".join(_ROW.substitute(_line_fields(line, invoice["currency"])) for line in lines)
    sums = "".join(_SUM.substitute(name=name, amount=amount) for name, amount in _sums(invoice))
    pay = _PAY.substitute(path=path, amount=_text(_amount(invoice, "amount_remaining")))
    state = _STATES[invoice["status"]]
    body = _BODY.substitute(
        number=_text(invoice["number"]),
        state=state,
        headline=_text(_amount(invoice, "total")),
        account=_text(invoice["account_name"]),
        customer=_text(invoice["customer_name"] or invoice["customer_email"] or "Customer"),
        issued=day(invoice["status_transitions"]["finalized_at"]),
        rows=rows,
        sums=sums,
        pay=pay if invoice["status"] == "open" else "",
        path=path,
    )
    return whole(f"Invoice {invoice['number']}", body)


def pdf(invoice: Document, lines: list[Document]) -> bytes:
    """Return the invoice as a PDF; lines that find no room are counted."""
    marks: list[Text | Rule] = [
        Text(56, 770, "Invoice", 22, bold=True),
        Text(539, 770, invoice["account_name"], 12, right=True),
        Text(56, 742, f"Number   {invoice['number']}"),
        Text(56, 726, f"Issued   {day(invoice['status_transitions']['finalized_at'])}"),
        Text(56, 710, f"Status   {invoice['status']}"),
        Text(56, 682, "Billed to", bold=True),
        Text(56, 666, invoice["customer_name"] or invoice["customer_email"] or "Customer"),
        Text(56, 626, "Description", bold=True),
        Text(400, 626, "Quantity", bold=True, right=True),
        Text(539, 626, "Amount", bold=True, right=True),
        Rule(618),
    ]
    y, room = 600, 20
    for line in lines[:room]:
        marks.append(Text(56, y, (line["description"] or "")[:60]))
        marks.append(Text(400, y, str(line["quantity"] or ""), right=True))
        marks.append(Text(539, y, money(line["amount"], invoice["currency"]), right=True))
        y -= 18
    if len(lines) > room:
        marks.append(Text(56, y, f"and {len(lines) - room} more lines"))
        y -= 18
    marks.append(Rule(y + 6))
    for name, amount in _sums(invoice):
        y -= 16
        marks.append(Text(400, y, name, bold=name == "Amount due", right=True))
        marks.append(Text(539, y, html.unescape(amount), bold=name == "Amount due", right=True))
    return document(marks, f"Invoice {invoice['number']}")


def _line_fields(line: Document, currency: str) -> dict[str, str]:
    period = line["period"]
    spans = period["start"] != period["end"]
    return {
        "description": _text(line["description"] or ""),
        "period": f"{day(period['start'])} - {day(period['end'])}" if spans else "",
        "quantity": _text(line["quantity"] or ""),
        "amount": _text(money(line["amount"], currency)),
    }


def _sums(invoice: Document) -> list[tuple[str, str]]:
    """The figures below the lines, as HTML text."""
    currency = invoice["currency"]
    used = sum(one["amount"] for one in invoice["total_discount_amounts"] or [])
    tax = sum(one["amount"] for one in invoice["total_taxes"] or [])
    figures = [("Subtotal", invoice["subtotal"])]
    figures += [("Discount", -used)] if used else []
    figures += [("Tax", tax)] if tax else []
    figures += [("Total", invoice["total"]), ("Amount paid", invoice["amount_paid"])]
    figures += [("Amount due", invoice["amount_remaining"])]
    return [(name, _text(money(amount, currency))) for name, amount in figures]


def _amount(invoice: Document, name: str) -> str:
    return money(invoice[name], invoice["currency"])


def _text(value: object) -> str:
    return html.escape(str(value))


_ROW = Template(
    "<tr><td>$description<small>$period</small></td><td>$quantity</td><td>$amount</td></tr>"
)
_SUM = Template("<tr><th scope=row colspan=2>$name</th><td>$amount</td></tr>")
_PAY = Template('<form method=post action="$path/pay"><button>Pay $amount</button></form>')
_BODY = Template("""
  <header><div><p>$account</p><h1>$headline</h1><p>Invoice $number &middot; $issued</p>
  <p>Billed to $customer</p></div><span class="state $state">$state</span></header>
  <table><tbody>$rows</tbody><tfoot>$sums</tfoot></table>
  <footer>$pay<a href="$path/pdf">Download PDF</a></footer>
""")
