"""A table that can be put back to what it was, so that an operation can be done again and again."""

import json
import os
import re
from typing import Any

from orchard.domain import balance, overrides
from orchard.domain.holding import NOTHING
from orchard.domain.row import Row
from orchard.store import keys, stored
from orchard.store.keys import Key
from orchard.store.statements import Item, load
from orchard.store.table import Table
from tests.concurrency.faults import Faulty
from tests.concurrency.scenarios import Stage, restart
from tests.conftest import Call, Clock
from tests.harness import Response

#: Try every combination of what can go wrong (`make test THOROUGH=1`, half an hour) instead of
#: a fixed choice of them.
THOROUGH = os.environ.get("THOROUGH") == "1"

type Picture = list[Any]
MADE_ID = re.compile(r"\b(cus_ent|cus_prod|cus|ety|evt|chg)_[0-9A-Za-z]{20,}")
#: Attributes that differ from run to run, or with the number of writes.
BY_CHANCE = {"version", "last", "seq", "listing_sk", "nonce"}
#: What says so little that it is not looked at: marks, and what the catalogue notes of its use.
PASSED_OVER = ("KEY", "MARKER", "FEATURE", "PLAN", "CATALOG")


class World:
    """A table that can be put back to what it was."""

    def __init__(self, table: Table, call: Call, clock: Clock) -> None:
        self.client = Faulty(table.client)
        self.stage = Stage(call, clock)
        self._real = table.client
        self._table = table
        self._kept: tuple[list[Any], int] = ([], 0)

    def keep(self) -> None:
        """Remember how things are."""
        self._kept = self._items(), self.stage.clock.now

    def back(self) -> None:
        """Put things back, and let a process begin and answer its first request."""
        items, self.stage.clock.now = self._kept
        wanted, present = _by_key(items), _by_key(self._items())
        self._table.delete_many([key for key in present if key not in wanted])
        changed = [one for key, one in wanted.items() if present.get(key) != one]
        self._table.put_many([load(item) for item in changed])
        restart()
        self.stage.done("balances.check", {"feature_id": "words"})

    def pictured(self) -> Picture:
        """All that is stored, without what differs by chance."""
        shown = [self._shown(item) for item in map(load, self._items())]
        return sorted((one for one in shown if one is not None), key=repr)

    def _items(self) -> list[Any]:
        found: list[Any] = self._real.scan(TableName=self._table.name, ConsistentRead=True)["Items"]
        return found

    def _shown(self, item: Item) -> object:
        if keys.is_balance(item["sk"]):
            assert_sound(item)
            one = stored.load(item)
            now = self.stage.clock.now
            holding = one.current(now)
            rows = tuple(sorted(map(_anonymous, holding.rows), key=repr))
            seen = holding._replace(rows=rows)
            if seen == NOTHING:
                return None
            return one.hot_id, one.place, one.resets_at <= now, sorted(one.sole_for), seen
        if item["sk"].startswith(PASSED_OVER):
            return None
        known = {name: value for name, value in item.items() if name not in BY_CHANCE}
        return plain(json.dumps(known, default=str, sort_keys=True))


def _by_key(items: list[Any]) -> dict[Key, Any]:
    return {Key(item["pk"]["S"], item["sk"]["S"]): item for item in items}


def _anonymous(row: Row) -> Row:
    carried = tuple(one._replace(id="") for one in row.rollovers)
    withheld = tuple(one._replace(id="") for one in row.withheld)
    row = row._replace(id="", customer_plan_id=None, change_id=None)
    return row._replace(rollovers=carried, withheld=withheld)


def assert_sound(item: Item) -> None:
    """What lets usage be counted blindly agrees with what the balance holds."""
    one = stored.load(item)
    counter = balance.counter(one.holding)
    assert one.headroom == counter.headroom - one.pending
    assert (one.due_at, one.plain) == (counter.due_at, counter.plain)
    ends = overrides.of(one.rows)
    assert item.get("tokens", []) == sorted({str(end.ends_at) for end in ends})
    assert ("listing_pk" in item) == bool(ends)
    assert one.resets_at == counter.resets_at
    assert ("due_shard" in item) == (one.resets_at != balance.NEVER)


def plain(text: str) -> str:
    """Text without the ids that differ from run to run."""
    return MADE_ID.sub(r"\1", text)


def said(answered: Response | None) -> str:
    return "" if answered is None else plain(json.dumps(answered.body, sort_keys=True))
