"""Grants apart from plans: made, named, refused and removed."""

from typing import Any

import pytest

from tests.acceptance.given import grant
from tests.acceptance.sights import carried, shows, sources
from tests.acceptance.steps import delete, later, refused, reset, track
from tests.acceptance.world import DAY, Ask, Step, World, case, play, seen

MONTHLY = {"interval": "month"}
CARRIED = {"max": 500, "duration": "month", "length": 1}
#: Ten days after the first of September, and a month after that.
TENTH, MONTH_AFTER = 10 * DAY, 40 * DAY
TWO = (grant(100, balance_id="a"), track(40), grant(200, balance_id="b"))


def named(*names: str) -> Step:
    """The sources carry these names."""
    return sources(*names, by="id")


def for_another(world: World) -> None:
    """Another customer may use the same name."""
    world.done("customers.get_or_create", customer_id="user_2")
    body = {**grant(100, balance_id="my-balance").body, "customer_id": "user_2"}
    Ask("balances.create", body)(world)


def begins_anew(world: World) -> None:
    """Given for ten days at first, a monthly grant goes on from that day, not from now."""
    start = world.clock.now
    grant(50, reset=MONTHLY, next_reset_at=start + TENTH)(world)
    track(10)(world)
    shows(40, 10, next_reset_at=start + TENTH)(world)
    world.clock.now = start + TENTH + 5 * DAY
    # From the 11th of September to the 11th of October are thirty days.
    shows(50, 0, next_reset_at=start + MONTH_AFTER)(world)


def dated(**days: int) -> Step:
    """A grant with such dates, some days from now, is refused."""
    more: dict[str, Any] = {} if "unreset" in days else {"reset": MONTHLY}

    def asked(world: World) -> None:
        dates: dict[str, Any] = {
            name: world.clock.now + length * DAY
            for name, length in days.items()
            if name != "unreset"
        }
        refused(grant(50, **more, **dates), 400, "invalid_inputs")(world)

    return asked


def expiring_first(world: World) -> None:
    ends = world.clock.now + 10 * DAY
    wrong = grant(100, reset=MONTHLY, rollover=CARRIED, expires_at=ends)
    refused(wrong, 400, "invalid_inputs")(world)


def never_resets(world: World) -> None:
    shown = seen(world, "messages", None)
    assert shown["next_reset_at"] is None
    assert [source["reset"]["resets_at"] for source in shown["breakdown"]] == [None]


@pytest.mark.parametrize(
    "steps",
    MADE := [
        case(
            "23.9-156",
            grant(100, balance_id="my-balance"),
            named("my-balance"),
            refused(grant(100, balance_id="my-balance"), 409, "invalid_request"),
            for_another,
            shows(100, 0),
        ),
        case(
            "23.9-157",
            grant(100, balance_id="balance-a"),
            grant(200, balance_id="balance-b"),
            named("balance-a", "balance-b"),
            shows(300, 0, granted=300),
        ),
        case(
            "23.9-158",
            grant(400, reset=MONTHLY, rollover=CARRIED),
            track(250),
            reset(),
            shows(550, 0),
            carried(150),
        ),
        case(
            "23.9-159",
            refused(grant(100, "users", rollover=CARRIED), 400, "invalid_inputs"),
            refused(grant(100, rollover=CARRIED), 400, "invalid_inputs"),
            expiring_first,
        ),
        case("23.9-160", begins_anew),
        case(
            "23.9-161",
            dated(next_reset_at=10, unreset=1),
            dated(next_reset_at=-1),
            dated(next_reset_at=10, expires_at=10),
            dated(next_reset_at=11, expires_at=10),
        ),
    ],
)
def test_a_grant_is_made_as_asked(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)


@pytest.mark.parametrize(
    "steps",
    REMOVED := [
        case("23.9-162", *TWO, delete(balance_id="a"), shows(200, 0)),
        case(
            "23.9-162 with its usage",
            *TWO,
            delete(balance_id="a", recalculate_balances=True),
            shows(160, 40, granted=200),
        ),
        case(
            "23.9-163",
            grant(100, balance_id="a"),
            grant(200, balance_id="b"),
            track(130),
            delete(balance_id="a", recalculate_balances=True),
            shows(70, 130, granted=200),
        ),
        case(
            "23.9-164",
            grant(100, balance_id="a", reset=MONTHLY),
            track(40),
            delete(balance_id="a", recalculate_balances=True),
            shows(0, 40, granted=0),
            never_resets,
            later(days=400),
            shows(0, 40, granted=0),
        ),
    ],
)
def test_what_was_used_of_a_removed_grant_goes_or_stays(
    world: World, steps: tuple[Step, ...]
) -> None:
    play(world, steps)


CASES = [*MADE, *REMOVED]
