"""What tests and the demo data do to the account that Stripe has no API for: `/_control/...`.

| call                                             | does                                         |
|--------------------------------------------------|----------------------------------------------|
| POST /_control/invoices                          | draft an invoice; `then` lists steps to take |
| POST /_control/invoices/{id}/{step}              | take a step, at the time `at` (seconds)      |
| POST /_control/checkout/sessions/{id}/pay        | pay as on the page (see `Paying`)            |
| POST /_control/checkout/sessions/{id}/expire     | let a session expire                         |
| POST /_control/payment_intents/{id}/authenticate | pass 3-D Secure                              |
| GET  /_control/clock                             | the account's time, in seconds               |
| POST /_control/clock/advance                     | let time pass (`Advance`)                    |
| GET  /_control/reports                           | every report with its state and its answers  |
| POST /_control/reports/hold                      | write reports without delivering them        |
| POST /_control/reports/send                      | deliver `ids` now, in this order             |
| POST /_control/reports/release                   | deliver what was held                        |
| POST /_control/reports/settle                    | wait until nothing is left to deliver        |
| POST /_control/reports/duplicate                 | deliver each report twice while it is `on`   |
| POST /_control/reports/shuffle                   | deliver what waits in a random order         |
| POST /_control/failures                          | let the next `times` calls fail (`Failure`)  |
| POST /_control/delays                            | answer the next calls late (`Delay`)         |

Steps: finalize, pay, fail, void, mark_uncollectible, delete.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from local.stripe import charges, checkout, checkout_paying, drafting, drafts
from local.stripe.account import Account, Document
from local.stripe.failures import Refused
from local.stripe.invoices import Ledger
from local.stripe.reports import Outbox
from local.stripe.routes import ids_in
from local.stripe.shop import Shop
from local.stripe.timeline import Advance, advance
from local.stripe.trouble import Delay, Failure, Trouble

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


class Switch(_Strict):
    """Whether something is on; `seed` makes chance come out the same again."""

    on: bool
    seed: int | None = None


class Paying(_Strict):
    """How a session is paid: a test card, and what is typed on its page; quantities by line."""

    card: str = "pm_card_visa"
    email: str | None = None
    name: str | None = None
    quantities: dict[str, int] = {}
    promotion_code: str | None = None


class Nothing(_Strict):
    """A call that says nothing more."""


class _Entry(NamedTuple):
    """A control call: what it is told, and what it does with the ids in its path."""

    method: str
    path: str
    told: type[BaseModel]
    act: Callable[..., Document]


class Control(NamedTuple):
    """The account, seen from outside."""

    account: Account
    outbox: Outbox
    base: str
    trouble: Trouble

    def answer(self, method: str, path: str, body: bytes) -> Any:
        """Do what a call asks for. Errors: `Refused`."""
        for entry in self._entries():
            ids = ids_in(entry.path, path.removeprefix(PREFIX))
            if ids is not None and method == entry.method:
                return entry.act(_parsed(entry.told, body), **ids)
        raise Refused(f"Unrecognized control call ({method}: {path})", status=404)

    def _entries(self) -> list[_Entry]:
        return [
            _Entry("POST", "invoices", NewInvoice, self._draft),
            _Entry("POST", "invoices/{invoice_id}/{step}", Moment, self._take),
            _Entry("POST", "checkout/sessions/{session_id}/pay", Paying, self._pay),
            _Entry("POST", "checkout/sessions/{session_id}/expire", Nothing, self._expire),
            _Entry("POST", "payment_intents/{intent_id}/authenticate", Nothing, self._confirm),
            _Entry("GET", "clock", Nothing, self._now),
            _Entry("POST", "clock/advance", Advance, self._advance),
            _Entry("GET", "reports", Nothing, self._reports),
            _Entry("POST", "reports/hold", Nothing, self._hold),
            _Entry("POST", "reports/send", Sending, self._send),
            _Entry("POST", "reports/release", Nothing, self._release),
            _Entry("POST", "reports/settle", Nothing, self._settle),
            _Entry("POST", "reports/duplicate", Switch, self._duplicate),
            _Entry("POST", "reports/shuffle", Switch, self._shuffle),
            _Entry("POST", "failures", Failure, self._tell),
            _Entry("POST", "delays", Delay, self._tell),
        ]

    def _draft(self, given: NewInvoice) -> Document:
        plain = drafts.InvoiceDraft(**given.model_dump(exclude={"then"}))
        with self.account.change():
            made = self._ledger().add(drafting.invoice(self.account, plain))
        for step in given.then:
            made = self._step(made["id"], step, given.created)
        return made

    def _take(self, given: Moment, invoice_id: str, step: str) -> Document:
        if step not in get_args(Step.__value__):
            raise Refused(f"Unrecognized step of an invoice: {step}", status=404)
        return self._step(invoice_id, step, given.at)

    def _step(self, invoice_id: str, step: str, at: int | None) -> Document:
        with self.account.change():
            taken: Document = getattr(self._ledger(), step)(invoice_id, at)
        return taken

    def _pay(self, given: Paying, session_id: str) -> Document:
        plain = given.model_dump(exclude={"quantities", "promotion_code"})
        payment = checkout_paying.Payment(**plain)
        with self.account.change(), self.account.undoing():
            shop, word = self._shop(), given.promotion_code
            checkout_paying.revise(shop, session_id, given.quantities, word)
            return checkout_paying.pay(shop, session_id, payment)

    def _expire(self, _given: Nothing, session_id: str) -> Document:
        with self.account.change():
            session = checkout.open_session(self._shop(), session_id)
            checkout.end(self._shop(), session)
            return checkout.shown(session)

    def _confirm(self, _given: Nothing, intent_id: str) -> Document:
        with self.account.change():
            return charges.authenticate(self.account, self.outbox, self.base, intent_id)

    def _now(self, _given: Nothing) -> Document:
        return {"now": self.account.clock()}

    def _advance(self, given: Advance) -> Document:
        return advance(self._shop(), given)

    def _reports(self, _given: Nothing) -> Document:
        return {"reports": self.outbox.all()}

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

    def _duplicate(self, given: Switch) -> Document:
        self.outbox.duplicate = given.on
        return {"on": given.on}

    def _shuffle(self, given: Switch) -> Document:
        self.outbox.shuffle(on=given.on, seed=given.seed)
        return {"on": given.on}

    def _tell(self, given: Failure | Delay) -> Document:
        self.trouble.tell(given)
        return given.model_dump()

    def _ledger(self) -> Ledger:
        return Ledger(self.account, self.outbox, self.base)

    def _shop(self) -> Shop:
        return Shop(self.account, self.outbox, self.base)


def _parsed[M: BaseModel](model: type[M], body: bytes) -> M:
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as invalid:
        raise Refused(str(invalid)) from None
