"""What tests and the demo data do to the account that Stripe has no API for: `/_control/...`.

| call                                    | does                                                  |
|-----------------------------------------|-------------------------------------------------------|
| POST /_control/invoices                 | draft an invoice; `then` lists steps to take at once  |
| POST /_control/invoices/{id}/{step}     | take a step, at the time `at` (seconds) if it is given|
| GET  /_control/reports                  | every webhook report with its state and its answers   |
| POST /_control/payment_intents/{id}/authenticate | pass 3-D Secure               |
| POST /_control/reports/hold             | write reports without delivering them                 |
| POST /_control/reports/send             | deliver `ids` now, in this order, as often as named   |
| POST /_control/reports/release          | deliver what was held                                 |
| POST /_control/reports/settle           | wait until nothing is left to deliver                 |
| POST /_control/failures                 | let the next `times` calls fail with `status`         |

Steps: finalize, pay, fail, void, mark_uncollectible, delete.
"""

import json
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local.stripe import charges, drafting, drafts
from local.stripe.account import Account, Document
from local.stripe.failures import Refused
from local.stripe.invoices import Ledger
from local.stripe.reports import Outbox

PREFIX = "/_control/"

type Step = Literal["finalize", "pay", "fail", "void", "mark_uncollectible", "delete"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewInvoice(drafts.InvoiceDraft):
    """An invoice and what happens to it at once."""

    then: list[Step] = []


class Moment(_Strict):
    """When a step is taken, in seconds; now by default."""

    at: int | None = None


class Sending(_Strict):
    """Which reports to deliver."""

    ids: list[str]


class Failure(_Strict):
    """How the next calls fail: those whose path begins with `path`."""

    status: int = Field(ge=400, le=599)
    times: int = Field(default=1, ge=0)
    path: str = "/v1/"


class _Taken(_Strict):
    step: Step
    at: int | None = None


class Nothing(_Strict):
    """A call that says nothing more."""


class Control(NamedTuple):
    """The account, seen from outside."""

    account: Account
    outbox: Outbox
    base: str
    failures: list[Failure]

    def answer(self, method: str, path: str, body: bytes) -> Any:
        """Do what a call asks for. Errors: `Refused`."""
        parts = path.removeprefix(PREFIX).split("/")
        if method == "GET" and parts == ["reports"]:
            return {"reports": self.outbox.all()}
        known: dict[str, tuple[type[Any], Callable[[Any], Document]]] = {
            "invoices": (NewInvoice, self._draft),
            "reports/hold": (Nothing, self._hold),
            "reports/send": (Sending, self._send),
            "reports/release": (Nothing, self._release),
            "reports/settle": (Nothing, self._settle),
            "failures": (Failure, self._fail),
        }
        if method == "POST" and "/".join(parts) in known:
            model, act = known["/".join(parts)]
            return _acted(model, act, body)
        if method == "POST" and len(parts) == 3 and parts[0] == "invoices":
            given = _parsed(Moment, body)
            taken = _parsed(_Taken, json.dumps({"step": parts[2], "at": given.at}).encode())
            return self._step(parts[1], taken.step, taken.at)
        if (method, parts[0], parts[2:]) == ("POST", "payment_intents", ["authenticate"]):
            _parsed(Nothing, body)
            with self.account.change():
                return charges.authenticate(self.account, self.outbox, self.base, parts[1])
        raise Refused(f"Unrecognized control call ({method}: {path})", status=404)

    def _draft(self, given: NewInvoice) -> Document:
        plain = drafts.InvoiceDraft(**given.model_dump(exclude={"then"}))
        with self.account.change():
            made = self._ledger().add(drafting.invoice(self.account, plain))
        for step in given.then:
            made = self._step(made["id"], step, given.created)
        return made

    def _step(self, invoice_id: str, step: Step, at: int | None) -> Document:
        with self.account.change():
            taken: Document = getattr(self._ledger(), step)(invoice_id, at)
        return taken

    def _hold(self, _given: Nothing) -> Document:
        self.outbox.hold = True
        return {"hold": True}

    def _send(self, given: Sending) -> Document:
        return {"answers": [self.outbox.send(event_id) for event_id in given.ids]}

    def _release(self, _given: Nothing) -> Document:
        self.outbox.release()
        return {"hold": False}

    def _settle(self, _given: Nothing) -> Document:
        return {"settled": self.outbox.settle()}

    def _fail(self, given: Failure) -> Document:
        self.failures.append(given)
        return given.model_dump()

    def _ledger(self) -> Ledger:
        return Ledger(self.account, self.outbox, self.base)


def _acted(model: type[Any], act: Callable[[Any], Document], body: bytes) -> Document:
    return act(_parsed(model, body))


def _parsed[M: BaseModel](model: type[M], body: bytes) -> M:
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as invalid:
        raise Refused(str(invalid)) from None
