"""Carrying out a change of billing that a form asks for, once; and what is said of what it did."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from dashboard import forms
from dashboard.customer.acting import Acting
from dashboard.figures import money
from dashboard.frame.visits import Visit
from orchard.contracts.billing.attach import AttachRequest
from orchard.contracts.billing.update import UpdateRequest
from orchard.errors import Locked, OrchardError
from orchard.store.session import Session
from orchard.usecases.billing import repeated

#: For so long the first of two requests may take, while the second one waits.
_PAUSES_S = (0.25, 0.5, 1.0, 2.0)

type View = Mapping[str, Any]
type Wanted = AttachRequest | UpdateRequest
type Run = Callable[[Session], View]


def carried_out(
    action: Acting, fields: View, request: Callable[[], Wanted], run: Run
) -> View | None:
    """Do what a form asks for; return the answer of the API, None if it was done before.

    Sent again it does nothing more: what waits to be paid gives the same answer again. What broke
    off is carried on. Errors: those of the use case.
    """
    key, visitor = forms.key(fields), action.visitor
    before = visitor.sent(key)
    if before is None:
        try:
            return run(visitor.once(key))
        except OrchardError as refused:
            # An impatient hand sent the form twice, and the first one was faster.
            before = _done_meanwhile(visitor, key, refused)
    if before.get("made"):
        return None
    return repeated.answer(visitor.session, request())


def _done_meanwhile(visitor: Visit, key: str, refused: OrchardError) -> View:
    """What the same form did since. Errors: the refusal, if it is not done by now."""
    pauses = _PAUSES_S if isinstance(refused, Locked) else (0.0,)
    for pause in pauses:
        time.sleep(pause)
        done = visitor.sent(key)
        if done is not None:
            return done
    raise refused


def told(action: Acting, answer: View | None, done: Callable[[], str]) -> Response[str]:
    """Lead on to the products, or show what has to be paid or confirmed first."""
    if answer is None or answer["payment_url"] is None:
        return action.visitor.done(action.back, f"{done()}{_charged(answer)}")
    failed = answer.get("required_action")
    invoice = answer.get("invoice")
    return action.page(
        "billing/payment.html",
        link=answer["payment_url"],
        failed=failed["reason"] if failed else "",
        total=money(invoice["total"], invoice["currency"]) if invoice else "",
        is_open=bool(invoice),
    )


def _charged(answer: View | None) -> str:
    invoice = (answer or {}).get("invoice")
    if invoice is None or invoice["status"] != "paid" or not invoice["total"]:
        return ""
    amount = money(abs(invoice["total"]), invoice["currency"])
    return f" {amount} {'was charged' if invoice['total'] > 0 else 'is credited'}."
