"""A process that dies, and answers that are lost, at every call of the table and of Stripe.

Between two requests all that there is lies in the table and at Stripe. So a process that dies
leaves what both held after the last call that it made: no code of ours runs any more, not even
what cleans up. Such moments are kept while an operation is done once, and gone back to.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import stripe
from botocore.exceptions import ClientError, ReadTimeoutError
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.utilities import dynamo_to_dict
from moto.dynamodb.responses import DynamoHandler

from local.stripe.answers import Request
from orchard.gateways import stripe_catalog
from orchard.store.table import Table
from tests.billing.conftest import Shop
from tests.concurrency.interruptions import restart

TABLE, STRIPE = "table", "stripe"
#: Where moto keeps the tables of a session.
ACCOUNT, REGION = "123456789012", "eu-west-1"
#: Ids and digests, which are made anew each time.
_MADE = re.compile(r"[A-Za-z0-9_]{14,}")


class Lost(Enum):
    """What becomes of a call whose answer is lost, while its process lives on."""

    ONCE = "it is tried again"
    FOR_GOOD = "nothing is answered until the request ends"


class Moment(NamedTuple):
    """What the table and Stripe hold, which reports were taken, and what time it is."""

    items: dict[str, dict[str, Any]]
    account: str
    heard: frozenset[str]
    now: int


class World:
    """The table and Stripe, which can be gone back to a moment; their calls can go wrong."""

    def __init__(self, shop: Shop, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self.table = shop, table
        #: The reports that were answered well: they do not come again.
        self.heard: frozenset[str] = frozenset()
        self._around: Callable[[str, Callable[[], Any]], Any] = _undisturbed

        def request(_client: Any, *asked: Any) -> Any:
            return self._around(STRIPE, partial(self._sent, *asked))

        monkeypatch.setattr(stripe.RequestsClient, "request", request)
        monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0)
        monkeypatch.setattr("orchard.store.table.time.sleep", lambda _seconds: None)
        monkeypatch.setattr(table, "client", _Client(table.client, self._call))
        self._own = self.moment().items

    def moment(self) -> Moment:
        """Return how things are now."""
        items = {name: dict(held) for name, held in self._held.items.items()}
        account = self.shop.stripe.double.account.text()
        return Moment(items, account, self.heard, self.shop.clock.now)

    def back(self, moment: Moment) -> None:
        """Let things be as they were, and a process begin that remembers nothing."""
        held = self._held
        held.items.clear()
        # The key of the API is this test's, if the moment is another's.
        kept = {**self._own, **moment.items}
        held.items.update({name: dict(some) for name, some in kept.items()})
        held.stream_shard.items.clear()
        self.shop.stripe.double.account.become(moment.account)
        self.heard, self.shop.clock.now = moment.heard, moment.now
        stripe_catalog.forget()
        restart()

    def likeness(self) -> str:
        """Return a digest of how things are, which is the same for things that differ by ids."""
        held = self._held.items.values()
        items = [item.to_json()["Attributes"] for some in held for item in some.values()]
        reports = self.shop.stripe.double.account.objects("report")
        account = self.shop.stripe.double.account.text()
        taken = [name in self.heard for name in reports]
        text = json.dumps([dynamo_to_dict(items), account, taken, self.shop.clock.now])
        names: dict[str, str] = {}
        plain = _MADE.sub(lambda found: names.setdefault(found[0], str(len(names))), text)
        return hashlib.sha256(plain.encode()).hexdigest()

    def filmed(self, act: Callable[[], object]) -> tuple[list[Moment], int]:
        """Act; return each moment at which a process can have died, and how many calls it made."""
        moments, made = [self.moment()], 0

        def around(_place: str, call: Callable[[], Any]) -> Any:
            nonlocal made
            made += 1
            answer = call()
            after = self.moment()
            if moments[-1] != after:
                moments.append(after)
            return answer

        with self._with(around):
            act()
        return moments, made

    def losing(self, position: int, lost: Lost, act: Callable[[], object]) -> None:
        """Act, and lose the answer to a call."""
        made, silent = 0, ""

        def around(place: str, call: Callable[[], Any]) -> Any:
            nonlocal made, silent
            made += 1
            if place == silent:
                raise _nothing(place)
            answer = call()
            if made != position + 1:
                return answer
            silent = place if lost is Lost.FOR_GOOD else ""
            raise _nothing(place)

        with self._with(around):
            act()

    @property
    def _held(self) -> Any:
        return dynamodb_backends[ACCOUNT][REGION].tables[self.table.name]

    def _sent(
        self, method: str, url: str, headers: dict[str, str], data: str | None = None
    ) -> tuple[bytes, int, dict[str, str]]:
        """Have the double answer, past all that would turn it into HTTP and back."""
        target = urlsplit(url)
        named = {name.lower(): value for name, value in headers.items()}
        body = (data or "").encode()
        request = Request(method.upper(), target.path, target.query, named, body)
        made = self.shop.stripe.double.answer(request)
        return made.body, made.status, made.headers

    def _call(self, call: Callable[[], Any]) -> Any:
        return self._around(TABLE, call)

    @contextmanager
    def _with(self, around: Callable[[str, Callable[[], Any]], Any]) -> Iterator[None]:
        self._around = around
        try:
            yield
        finally:
            self._around = _undisturbed


class _Client:
    """The client of the table. A transaction that comes again is not done again, as at AWS."""

    def __init__(self, client: Any, around: Callable[[Callable[[], Any]], Any]) -> None:
        self._client, self._around = client, around
        self._done: dict[str, Any] = {}

    def __getattr__(self, verb: str) -> Any:
        real = getattr(self._client, verb)
        return partial(self._call, verb) if callable(real) else real

    def _call(self, verb: str, **named: Any) -> Any:
        return self._around(partial(self._once, verb, named.get("ClientRequestToken"), **named))

    def _once(self, verb: str, token: str | None, **named: Any) -> Any:
        if token is None:
            return _straight(verb, named)
        if token not in self._done:
            self._done[token] = _straight(verb, named)
        return self._done[token]


def _straight(verb: str, named: dict[str, Any]) -> Any:
    """Call what moto does for a verb, past all that turns it into HTTP and back."""
    handler = DynamoHandler()
    handler.region, handler.current_account = REGION, ACCOUNT
    handler.headers = {}
    handler.body = handler.params = json.loads(json.dumps(named))
    try:
        answer = getattr(handler, verb)().result
    except JsonRESTError as refused:
        told = json.loads(refused.description)
        code = told["__type"].rpartition("#")[2]
        error = {"Code": code, "Message": told.get("message", told.get("Message", ""))}
        answer = {**told, "Error": error}
        raise ClientError(answer, verb) from refused  # type: ignore[arg-type]  # as boto3 has it
    return dynamo_to_dict(answer)


def _undisturbed(_place: str, call: Callable[[], Any]) -> Any:
    return call()


def _nothing(place: str) -> Exception:
    if place == TABLE:
        return ReadTimeoutError(endpoint_url="http://table")
    return stripe.APIConnectionError("none", should_retry=True)  # type: ignore[no-untyped-call]
