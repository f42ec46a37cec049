"""Seats and the like: what goes on until it is given back."""

import pytest

from tests.acceptance.given import lifetime, plan
from tests.acceptance.sights import answers, shows
from tests.acceptance.steps import check, too_much
from tests.acceptance.world import Step, World, case, play


@pytest.mark.parametrize(
    "steps",
    CASES := [
        case(
            "23.14-267",
            plan("free", lifetime("users", 5)),
            too_much(6, "users"),
            shows(5, 0, "users"),
        ),
        case(
            "23.14-267 in a check",
            plan("free", lifetime("users", 5)),
            check(6, "users", send_event=True),
            answers(allowed=False),
            shows(5, 0, "users"),
        ),
    ],
)
def test_seats_that_must_fit_stop_at_what_is_granted(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)
