"""Reports by webhook: written as Stripe writes them, signed, and sent in order, late or twice."""

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import stripe

from local.stripe.account import Account, Document, new_id
from local.stripe.objects import made

PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"
#: Seconds until each further try; Stripe goes on for days, a double gives up soon.
_PAUSES = (0.2, 1.0, 3.0, 10.0)
_TIMEOUT = 30
#: So many delivered reports are remembered.
_REMEMBERED = 200


class Outbox:
    """The reports of an account and their deliveries.

    `hold` keeps them until they are sent; `duplicate` delivers each twice.
    """

    def __init__(self, account: Account, url: str | None, secret: str) -> None:
        self.hold = False
        self.duplicate = False
        self._chance: random.Random | None = None
        self._cause: str | None = None
        self._account = account
        self._url = url
        self._secret = secret
        self._wake = threading.Condition(account.lock)
        self._closed = False
        self._thread = threading.Thread(target=self._deliver_on, name="webhooks", daemon=True)
        self._thread.start()

    @contextmanager
    def caused_by(self, key: str | None) -> Iterator[None]:
        """Name the key of the call that causes the reports inside; elsewhere time causes them."""
        self._cause = key
        try:
            yield
        finally:
            self._cause = None

    def report(self, kind: str, about: Document, previous: Document | None = None) -> Document:
        """Write a report of an object as it is now and line it up for delivery."""
        data = {"object": about} | ({} if previous is None else {"previous_attributes": previous})
        event = made(
            stripe.Event,
            id=new_id("evt_"),
            object="event",
            api_version=stripe.api_version,
            created=self._account.clock(),
            data=data,
            livemode=False,
            pending_webhooks=1,
            request={"id": new_id("req_", 14), "idempotency_key": self._cause},
            type=kind,
        )
        with self._account.change():
            # What Stripe sends must not change while it waits.
            self._reports()[event["id"]] = json.loads(
                json.dumps({"event": event, "state": PENDING, "due": 0, "answers": []})
            )
            self._forget_old()
            self._wake.notify_all()
        return event

    def all(self) -> list[Document]:
        """Return every remembered report with its state and the answers it got."""
        with self._account.lock:
            return [{"id": event_id, **kept} for event_id, kept in self._reports().items()]

    def send(self, event_id: str) -> int:
        """Send a report now, whatever its state; return the status of the answer, 0 for none."""
        kept = self._account.get("report", event_id)
        status = self._post(kept["event"])
        with self._account.change():
            kept["answers"].append(status)
            if _is_taken(status):
                kept["state"] = DELIVERED
        return status

    def shuffle(self, *, on: bool, seed: int | None = None) -> None:
        """Deliver what waits in a random order, or in that of writing."""
        with self._account.lock:
            self._chance = random.Random(seed) if on else None  # noqa: S311 - no secret

    def release(self) -> None:
        """Deliver what was held."""
        with self._account.lock:
            self.hold = False
            self._wake.notify_all()

    def settle(self, timeout: float = 60) -> bool:
        """Wait until nothing is to be delivered any more; False when that took too long."""
        with self._account.lock:
            return self._wake.wait_for(lambda: not self._waiting(), timeout)

    def settle_if_sent(self) -> None:
        """Wait like `settle`, unless reports are held or go nowhere."""
        if self._url is not None and not self.hold:
            self.settle()

    def close(self) -> None:
        """Stop delivering."""
        with self._account.lock:
            self._closed = True
            self._wake.notify_all()
        self._thread.join()

    def signature(self, body: str) -> str:
        """Return the header that proves a body."""
        header: str = stripe.WebhookSignature.generate_signature_header(
            body, self._secret, self._account.outside()
        )
        return header

    def _reports(self) -> dict[str, Document]:
        return self._account.objects("report")

    def _forget_old(self) -> None:
        done = [name for name, kept in self._reports().items() if kept["state"] != PENDING]
        for name in done[: max(0, len(done) - _REMEMBERED)]:
            del self._reports()[name]

    def _waiting(self) -> dict[str, float]:
        """When each undelivered report is due, in the order of writing."""
        if self._url is None:
            return {}
        reports = self._reports().items()
        return {name: kept["due"] for name, kept in reports if kept["state"] == PENDING}

    def _next(self) -> str | None:
        due = [name for name, at in self._waiting().items() if at <= time.time()]
        if self.hold or not due:
            return None
        return due[0] if self._chance is None else self._chance.choice(due)

    def _deliver_on(self) -> None:
        while True:
            with self._account.lock:
                while not self._closed and self._next() is None:
                    # Wakes up for a new report, and often enough for one that is tried again.
                    self._wake.wait(0.1 if self._waiting() else None)
                event_id = None if self._closed else self._next()
            if event_id is None:
                return
            self._deliver(event_id)

    def _deliver(self, event_id: str) -> None:
        kept = self._account.get("report", event_id)
        status = self._post(kept["event"])
        with self._account.change():
            kept["answers"].append(status)
            tries = len(kept["answers"])
            if _is_taken(status):
                # A duplicate waits like any other report, and comes once.
                again = self.duplicate and not kept.get("twice")
                kept |= {"state": PENDING if again else DELIVERED, "twice": again}
            elif tries > len(_PAUSES):
                kept["state"] = FAILED
            else:
                kept["due"] = time.time() + _PAUSES[tries - 1]
            self._wake.notify_all()

    def _post(self, event: dict[str, Any]) -> int:
        body = json.dumps(event, indent=2)
        headers = {
            "content-type": "application/json; charset=utf-8",
            "stripe-signature": self.signature(body),
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            sent = requests.post(
                str(self._url), data=body.encode(), headers=headers, timeout=_TIMEOUT
            )
        except requests.RequestException:
            return 0
        return sent.status_code


def _is_taken(status: int) -> bool:
    return 200 <= status < 300
