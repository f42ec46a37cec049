"""Pages of ours on which customers decide: open to everybody who knows their address, no key."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qs, unquote

from aws_lambda_powertools import Logger

from orchard.contracts.billing import pages, responses
from orchard.contracts.billing.pages import Proposed
from orchard.domain.billing.lines import sum_of
from orchard.errors import Invalid, OfferTaken, OrchardError
from orchard.store.offers import CONFIRM, LAUNCH
from orchard.triggers import clock, http, link_previews, origins
from orchard.triggers.connection import table
from orchard.triggers.http import Answer, Event
from orchard.usecases.billing import answers
from orchard.usecases.billing.orders.performing import Outcome
from orchard.usecases.billing.purchases import accepting
from orchard.usecases.billing.purchases.accepting import Opened

logger = Logger(service="orchard")

_DONE = "This is done", "There is nothing left to do here."
_AHEAD = "Payment", "What is offered is paid for on the next page."
_FAILED = "That did not work"
_CHANGED = "The amounts have changed: please look at them again."


def launch(event: Event) -> Answer:
    """Lead on to Stripe's page; who only looks is shown the way there."""
    one = _opened(event, LAUNCH)
    if link_previews.is_preview(event):
        here = f"{http.base_url(event)}{event['rawPath']}?{link_previews.GO_ON}"
        return _page(200, pages.message(*_AHEAD, here, "Go on"))
    url = accepting.launched(one)
    return {**http.redirection(url), "statusCode": 303}


def show(event: Event) -> Answer:
    """Show what is to be confirmed."""
    one = _opened(event, CONFIRM)
    if accepting.is_under_way(one):
        return _page(200, pages.under_way(), one.offer.success_url)
    return _proposal(one)


def confirm(event: Event) -> Answer:
    """Carry out what was seen, and lead on; what costs more by now is shown again first."""
    origins.refuse_foreign(event)
    one = _opened(event, CONFIRM)
    seen = _seen(event)
    if not accepting.is_under_way(one):
        now = sum_of(accepting.proposed(one).shown.lines)
        if pages.is_more(now, seen):
            return _proposal(one, status=409, notice=_CHANGED)
    return _came(one, accepting.taken(one))


def handled(acts: Mapping[str, Callable[[Event], Answer]]) -> Callable[[Event, Any], Answer]:
    """Turn acts, by route, into a handler; what goes wrong is told on a page."""

    def handler(event: Event, _context: Any) -> Answer:
        route = event.get("routeKey", "")
        try:
            answered = acts[route](event)
        except OfferTaken:
            answered = _page(200, pages.message(*_DONE))
        except OrchardError as expected:
            told = pages.message(_FAILED, expected.message)
            answered = _page(http.status_of(expected), told)
        except Exception:
            logger.exception("unexpected")
            answered = _page(500, pages.message(_FAILED, "Something went wrong on our side"))
        logger.info("page", route=route, status=answered["statusCode"])
        return answered

    return handler


def _opened(event: Event, way: str) -> Opened:
    (named,) = (event.get("pathParameters") or {}).values()
    return accepting.opened(table(), unquote(named), way, clock.now())


def _proposal(one: Opened, status: int = 200, notice: str = "") -> Answer:
    found, customer = accepting.proposed(one), one.customer
    shown = Proposed(
        found.shown,
        found.names,
        customer.name or customer.email or customer.hot_id,
        one.session.environment == "sandbox",
        notice,
    )
    return _page(status, pages.proposal(shown), one.offer.success_url)


def _came(one: Opened, outcome: Outcome) -> Answer:
    """What came of it: done, or a payment that is yet to be made."""
    told = answers.billed(one.customer.hot_id, None, outcome)
    if not outcome.is_paid:
        reason = told.get("required_action", {}).get("reason", responses.UNPAID)
        text = f"{reason}. What was confirmed holds as soon as the invoice is paid."
        return _page(200, pages.message(_FAILED, text, told["payment_url"], "Pay the invoice"))
    if one.offer.success_url is None:
        return _page(200, pages.message(*_DONE))
    return {**http.redirection(pages.location(one.offer.success_url)), "statusCode": 303}


def _seen(event: Event) -> Decimal:
    """What the page said when it was confirmed. Errors: `Invalid` for a form that is not ours."""
    try:
        fields = parse_qs(http.raw_body(event).decode(), max_num_fields=10)
        seen = Decimal(fields["total"][0])
    except (ValueError, KeyError, InvalidOperation):
        raise Invalid("This form is not complete: open the page again") from None
    if not seen.is_finite():
        raise Invalid("This form is not complete: open the page again")
    return seen


def _page(status: int, text: str, success_url: str | None = None) -> Answer:
    return {"statusCode": status, "headers": pages.security(success_url), "body": text}
