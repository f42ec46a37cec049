"""How the demo data are loaded: the API, and what customers do at the pretended Stripe."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx

from local.demo.dealings import Invoice
from local.processes import Failed

_DAY = 86_400
#: How long invoices may take to arrive, and changes to be written down, in seconds.
_PATIENCE = 90


class Api:
    """The API as the owner of a key calls it."""

    def __init__(self, base_url: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=f"{base_url}/v1/", headers=headers, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, operation: str, **body: Any) -> Any:
        """Call an operation; return its answer."""
        return _content(self._http.post(operation, json=body))

    def once(self, what: str, operation: str, **body: Any) -> Any:
        """Call an operation unless an earlier loading did: then it is refused as a conflict.

        Return the answer, None if it was done before.
        """
        answer = self._http.post(operation, json=body, headers={"idempotency-key": f"demo {what}"})
        return None if answer.status_code == httpx.codes.CONFLICT else _content(answer)

    def eventually(self, operation: str, **body: Any) -> Any:
        """Call an operation that has to wait until the ledger has what it is about."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            answer = self._http.post(operation, json=body)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                return _content(answer)
            time.sleep(int(answer.headers.get("retry-after", 1)))


class StripeDouble:
    """The pretended Stripe account, if there is one."""

    def __init__(self, url: str | None) -> None:
        self.is_there = url is not None
        self._days_ago = 0
        headers = {"authorization": "Bearer sk_test_demo"}
        self._http = httpx.Client(base_url=url or "", headers=headers, timeout=_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def bill(self, customer: str | None, invoices: tuple[Invoice, ...]) -> None:
        """Give a Stripe customer the invoices that it lacks."""
        if not self.is_there or customer is None:
            return
        listed = _content(self._http.get("/v1/invoices", params={"customer": customer}))["data"]
        there = {invoice["metadata"].get("demo") for invoice in listed}
        for number, invoice in enumerate(invoices):
            if str(number) not in there:
                body = {"customer": customer, "metadata": {"demo": str(number)}}
                drafted = {**body, **dict(_draft(invoice, int(time.time())))}
                _content(self._http.post("/_control/invoices", json=drafted))

    @contextmanager
    def long_ago(self, *, days: int) -> Iterator[None]:
        """Let the block begin so many days ago; whatever happens, it is today afterwards."""
        self._set_clock(days)
        try:
            yield
        finally:
            self.wait_until(0)

    def wait_until(self, days_ago: int) -> None:
        """Let time pass, with what falls due in it, unless it has passed."""
        if days_ago < self._days_ago:
            self.settle()
            self._set_clock(days_ago)

    def save_card(self, customer: str, card: str) -> None:
        """Let a customer pay by a test card from now on."""
        said = {"customer": customer}
        saved = _content(self._http.post(f"/v1/payment_methods/{card}/attach", data=said))
        default = {"invoice_settings[default_payment_method]": saved["id"]}
        _content(self._http.post(f"/v1/customers/{customer}", data=default))

    def settle(self) -> None:
        """Return when Stripe's reports have arrived."""
        if self.is_there:
            _content(self._http.post("/_control/reports/settle", json={}))

    def _set_clock(self, days_ago: int) -> None:
        self._days_ago = days_ago
        if self.is_there:
            to = int(time.time()) - days_ago * _DAY
            _content(self._http.post("/_control/clock/advance", json={"to": to}))


def _draft(invoice: Invoice, now: int) -> Iterator[tuple[str, Any]]:
    """Yield what the double has to know of an invoice; it counts in seconds."""
    created = now - invoice.days_ago * _DAY
    yield "created", created
    yield "lines", [{"description": text, "amount": cents} for text, cents in invoice.lines]
    yield "then", list(invoice.then)


def _content(answer: httpx.Response) -> Any:
    if answer.status_code != httpx.codes.OK:
        asked = f"{answer.request.method} {answer.request.url.path}"
        raise Failed(f"{asked} answered {answer.status_code}: {answer.text}")
    return answer.json()
