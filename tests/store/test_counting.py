"""What a deletion counts before it: changes and usage events, in one request where they are few."""

from decimal import Decimal

import pytest

from orchard.domain.ledger import Change, UsageEvent
from orchard.store import changes, ledger, removals
from orchard.store.session import Session
from tests.bench.requests import cost_of
from tests.conftest import START, TENANT

MOST = 3


@pytest.mark.parametrize(
    ("changed", "used", "counted", "requests"),
    [
        (0, 0, (0, 0), 1),
        (2, 0, (2, 0), 1),
        (0, 4, (0, 3), 1),
        (2, 2, (2, 2), 1),
        (3, 3, (3, 3), 1),
        (1, 9, (1, 3), 1),
        (4, 2, (3, 2), 2),
        (9, 0, (3, 0), 2),
        (9, 9, (3, 3), 2),
    ],
)
def test_changes_and_events_are_counted_up_to_a_number(
    session: Session, changed: int, used: int, counted: tuple[int, int], requests: int
) -> None:
    mine = [*map(a_change, range(changed)), *(an_event(number) for number in range(used))]
    other = [a_change(0, "cus_2"), an_event(0, "cus_2")]
    session.table.put_many([*mine, *other])
    found = []

    cost = cost_of(session.table, lambda: found.append(removals.counted(session, "cus_1", MOST)))

    assert found == [counted]
    assert len(cost.verbs) == requests


def a_change(number: int, internal_id: str = "cus_1") -> dict[str, object]:
    line = Change(
        id=f"chg_{number}", kind="edit", customer_id="user_1", internal_id=internal_id,
        feature_id=None, before={}, after={}, at=START + number, by="key:1", request_id="1",
    )  # fmt: skip
    return changes.change_item(TENANT, line, 30)


def an_event(number: int, internal_id: str = "cus_1") -> dict[str, object]:
    event = UsageEvent(
        id=f"evt_{number}", timestamp=START - number, name="messages", customer_id="user_1",
        internal_id=internal_id, feature_id="messages", value=Decimal(1), properties="{}",
        deductions=[], before={}, after={}, at=START - number, by="key:1", request_id="1",
    )  # fmt: skip
    return ledger.event_item(TENANT, event, 30)
