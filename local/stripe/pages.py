"""What a customer sees: the hosted invoice page, with a button that pays, and the PDF."""

import html
from datetime import UTC, datetime
from decimal import Decimal
from string import Template

from local.stripe.account import Document
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
    return _PAGE.substitute(
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
_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Invoice $number</title>
<style>
  :root { color-scheme: light dark; --ink: #1a1f36; --soft: #697386; --line: #e3e8ee;
          --paper: #fff; --desk: #f6f8fa; --accent: #4f46e5; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e6e8ef; --soft: #9aa3b5;
          --line: #2d3348; --paper: #171b2a; --desk: #0e111c; --accent: #7c74ff; } }
  * { box-sizing: border-box; }
  body { margin: 0; padding: 3rem 1rem; background: var(--desk); color: var(--ink);
         font: 15px/1.5 system-ui, sans-serif; }
  main { max-width: 38rem; margin: auto; padding: 2rem; background: var(--paper);
         border: 1px solid var(--line); border-radius: 12px; }
  header { display: flex; justify-content: space-between; align-items: start; gap: 1rem; }
  h1 { margin: 0; font-size: 2.2rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
  p { margin: 0; color: var(--soft); }
  .state { padding: .15rem .7rem; border-radius: 99px; border: 1px solid var(--line);
           font-size: .8rem; text-transform: uppercase; letter-spacing: .04em; }
  .paid { color: #0a7d4b; border-color: currentColor; }
  .due { color: var(--accent); border-color: currentColor; }
  table { width: 100%; margin-top: 2rem; border-collapse: collapse;
          font-variant-numeric: tabular-nums; }
  td, th { padding: .6rem 0; border-top: 1px solid var(--line); text-align: right;
           font-weight: 400; vertical-align: top; }
  td:first-child { text-align: left; }
  small { display: block; color: var(--soft); }
  tfoot tr:last-child > * { font-weight: 600; }
  footer { display: flex; gap: 1rem; align-items: center; margin-top: 2rem; }
  button { padding: .6rem 1.2rem; border: 0; border-radius: 8px; background: var(--accent);
           color: #fff; font: inherit; font-weight: 600; cursor: pointer; }
  a { color: var(--accent); }
</style></head>
<body><main>
  <header><div><p>$account</p><h1>$headline</h1><p>Invoice $number &middot; $issued</p>
  <p>Billed to $customer</p></div><span class="state $state">$state</span></header>
  <table><tbody>$rows</tbody><tfoot>$sums</tfoot></table>
  <footer>$pay<a href="$path/pdf">Download PDF</a></footer>
</main></body></html>
""")
