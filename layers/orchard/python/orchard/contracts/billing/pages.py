"""Pages of ours on which a change of billing is confirmed: HTML, no scripts, all text escaped."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from orchard.contracts.billing.responses import Cycle, Party, Shown
from orchard.domain import money
from orchard.domain.billing.lines import LineItem, sum_of
from orchard.domain.quantity import ZERO

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:34rem;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}table{border-collapse:collapse;width:100%}"
    "td{border-bottom:1px solid #ddd;padding:.5rem 0}td:last-child{text-align:right}"
    "button,.next{background:#1a1a1a;border:0;border-radius:.4rem;color:#fff;cursor:pointer;"
    "display:inline-block;font:inherit;margin-top:1.5rem;padding:.7rem 1.4rem;"
    "text-decoration:none}.note{color:#666}"
)
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_HOST = re.compile(r"[a-z0-9.-]+")
#: What has a meaning in an address, and is left as it is.
_OF_ADDRESSES = ":/?#[]@!$&'()*+,;=%~"


class Proposed(NamedTuple):
    """What is to be confirmed, for whom; `names` are those of plans, `is_test` is the sandbox."""

    shown: Shown
    names: Mapping[str, str]
    customer: str
    is_test: bool
    #: What the reader should know first.
    notice: str = ""


def security(success_url: str | None) -> dict[str, str]:
    """Return the headers of a page: nothing but its own style and form, in no frame of others."""
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; "
        f"form-action 'self'{_origin(success_url)}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "cache-control": "no-store",
        # A form without any would be sent with the origin "null".
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }


def location(url: str) -> str:
    """Return an address in the letters that a header may have."""
    return quote(url, safe=_OF_ADDRESSES)


def proposal(one: Proposed) -> str:
    """Return the page on which a change is seen and confirmed."""
    shown = one.shown
    rows = [*_plans(one), *(_row(line.description, _charge(line, shown)) for line in shown.lines)]
    now = sum_of(shown.lines)
    rows.append(_row(*_due(now, shown.currency)))
    rows += _later(shown.next_cycle, shown.currency)
    verb = f"Confirm and pay {_amount(now, shown.currency)}" if now > 0 else "Confirm"
    return _whole(
        "Please confirm",
        f"<p>For {escape(one.customer)}</p>"
        + (f"<p><strong>{escape(one.notice)}</strong></p>" if one.notice else "")
        + f"<table>{''.join(rows)}</table>"
        + _form(verb, now)
        + ('<p class="note">This is a test: no money moves.</p>' if one.is_test else ""),
    )


def under_way() -> str:
    """Return the page of what was confirmed and is not done yet, from which it goes on."""
    return _whole("Almost done", f"<p>This was confirmed already.</p>{_form('Continue', ZERO)}")


def message(title: str, text: str, next_url: str | None = None, next_text: str = "Continue") -> str:
    """Return a page that says something, and where to go from there."""
    is_link = next_url is not None and next_url.startswith(("https://", "http://"))
    link = f'<a class="next" href="{escape(str(next_url))}">{escape(next_text)}</a>'
    return _whole(title, f"<p>{escape(text)}</p>{link if is_link else ''}")


def is_more(now: Decimal, seen: Decimal) -> bool:
    """Whether more would be charged, or credited, than what was seen: less is by time passing."""
    return abs(now) > abs(seen) or (now > 0) != (seen > 0)


def _origin(url: str | None) -> str:
    """The origin that a form may lead on to, as a browser names it; "" for none."""
    parts = urlsplit(url or "")
    try:
        host = (parts.hostname or "").encode("idna").decode()
    except UnicodeError:
        return ""
    port = "" if parts.port is None else f":{parts.port}"
    return f" {parts.scheme}://{host}{port}" if _HOST.fullmatch(host) else ""


def _form(verb: str, total: Decimal) -> str:
    hidden = f'<input type="hidden" name="total" value="{total}">'
    return f'<form method="post">{hidden}<button>{escape(verb)}</button></form>'


def _plans(one: Proposed) -> Iterable[str]:
    """The plans that come, and those that go: when, and how much of what."""
    for word, parties in (("Begins", one.shown.incoming), ("Ends", one.shown.outgoing)):
        for party in parties:
            yield _row(f"{word}: {_named(one, party)}", _day(party.effective_at))


def _named(one: Proposed, party: Party) -> str:
    name = one.names.get(party.plan_id, party.plan_id)
    units = ", ".join(f"{count.normalize():f} {feature}" for feature, count in party.quantities)
    return f"{name} ({units})" if units else name


def _charge(line: LineItem, shown: Shown) -> str:
    return _amount(line.total, shown.currency)


def _due(now: Decimal, currency: str) -> tuple[str, str]:
    if now == 0:
        return "Today", "nothing to pay"
    return ("To pay today" if now > 0 else "Credit"), _amount(abs(now), currency)


def _later(cycle: Cycle | None, currency: str) -> list[str]:
    if cycle is None:
        return []
    return [_row(f"From {_day(cycle.starts_at)}", _amount(sum_of(cycle.lines), currency))]


def _row(left: str, right: str) -> str:
    return f"<tr><td>{escape(left)}</td><td>{escape(right)}</td></tr>"


def _amount(amount: Decimal, currency: str) -> str:
    return f"{money.rounded(amount, currency):,.{money.decimals(currency)}f} {currency.upper()}"


def _day(at: int | None) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at / 1000, UTC):%-d %B %Y}"


def _whole(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
