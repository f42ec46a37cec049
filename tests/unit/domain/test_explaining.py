"""Explanations say what the engine decides and what a use then moves, and nothing else."""

from collections import Counter
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from orchard.contracts.check_ids import CheckId, check_id, read_check_id, unpacked
from orchard.contracts.checking import CheckRequest
from orchard.domain import explaining, pool, reasons
from orchard.domain.basis import MOST_KEPT, Basis, Explanation, packed
from orchard.domain.holding import NO_CONTROLS, Controls, Holding, Place, SpendLimit, UsageLimit
from orchard.domain.pool import Drawn, Use
from orchard.domain.quantity import ZERO
from orchard.domain.row import Row, Rows
from orchard.domain.scope import CUSTOMER, Subject
from orchard.domain.sources import ONE, Overage
from orchard.usecases import checking
from orchard.usecases.checking import Asked
from tests.unit.domain.plain_household import GRAINS
from tests.unit.domain.rows import (
    HERE,
    START,
    a_row,
    carried,
    in_order,
    lifetime,
    metered,
    monthly,
)
from tests.unit.domain.test_operations_model import (
    AMOUNTS,
    COSTS,
    FEATURES,
    WHO,
    Operations,
)

CREDITS = Place("credits")
FIFTH = Decimal("0.2")


def asked_of(state: Any, subject: Subject, use: Use) -> Asked:
    request = CheckRequest(
        customer_id="user_1",
        feature_id=use.feature_id,
        required_balance=use.amount,
        properties=dict(use.properties),
    )
    return Asked(request, use.costs, state, subject, "cus_1")


def explained(state: Any, use: Use, subject: Subject = CUSTOMER) -> Explanation:
    asked = asked_of(state, subject, use)
    name = checking.answering(asked)
    allowed = checking.decided(asked, name).allowed
    return checking.explained(START, asked, name, allowed=allowed)


def words(
    rows: Rows, required: Decimal | int | str, controls: Controls = NO_CONTROLS, **properties: str
) -> Explanation:
    use = Use("words", Decimal(required), {"words": ONE}, properties=properties)
    return explained({HERE: Holding(in_order(*rows), controls)}, use)


def charged(
    rows: Rows, value: int, controls: Controls = NO_CONTROLS, overage: Overage = Overage.CAP
) -> Basis:
    state = {HERE: Holding(in_order(*rows), controls)}
    use = Use("words", Decimal(value), {"words": ONE}, overage)
    return explaining.of_use(state, CUSTOMER, use, pool.draw(state, CUSTOMER, use))


class Explained(Operations):
    """Everything that can happen to balances, explained in between."""

    @rule(
        who=WHO,
        feature=st.sampled_from(FEATURES),
        grains=AMOUNTS,
        back=st.integers(0, 5),
        kind=st.sampled_from([None, "x"]),
    )
    def explain(
        self, who: str | None, feature: str, grains: int, back: int, kind: str | None
    ) -> None:
        who = self._known(who)
        units = grains * GRAINS[feature] * (1 if back else -1)
        use, subject = self._wish(feature, units, Overage.CAP, kind), self._subject(who)
        state = self._state()
        found = explained(state, use, subject)
        self._is_what_the_books_pay(found.basis, who, feature, units, kind)
        self._is_what_is_recorded(found.basis, state, subject, use)
        assert found.allowed or found.basis.limit is not None
        assert reasons.of_question(found).startswith("Allowed" if found.allowed else "Denied")
        kept = found._replace(basis=found.basis.shortened(MOST_KEPT))
        text = check_id("cus_1", found)
        assert text is not None
        assert read_check_id(text) == CheckId("cus_1", kept)

    def _is_what_the_books_pay(
        self, basis: Basis, who: str | None, feature: str, units: float, kind: str | None
    ) -> None:
        paid, left = deepcopy(self.books).use(who, feature, units, "cap", kind)
        wanted: Counter[tuple[str, str | None]] = Counter()
        for part in paid:
            wanted[part.source.name, part.source.owner] += part.amount  # type: ignore[assignment]  # exact all the same
        gives = {(one.balance_id, one.entity_id): one.gives for one in basis.sources if one.gives}
        assert gives == {at: amount for at, amount in wanted.items() if amount}
        assert basis.not_covered == left
        for name in COSTS[feature]:
            ours = [one.balance_id for one in basis.sources if one.feature_id == name]
            assert ours == [one.name for one in self.books.visible(who, name)]

    def _is_what_is_recorded(self, basis: Basis, state: Any, subject: Subject, use: Use) -> None:
        recorded = explaining.of_use(state, subject, use, pool.draw(state, subject, use))
        assert recorded.sources == basis.sources
        assert recorded.not_covered == basis.not_covered
        assert (recorded.limit is None) == (not recorded.not_covered or use.amount < 0)
        assert unpacked(packed(recorded)) == recorded


TestExplained = Explained.TestCase
TestExplained.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    report_multiple_bugs=False,
)


def limit(most: int, used: int = 0, **fields: Any) -> UsageLimit:
    return UsageLimit(Decimal(most), "day", used=Decimal(used), resets_at=START, **fields)


SPEND = Controls(spend_limit=SpendLimit(Decimal(3)))


@pytest.mark.parametrize(
    ("rows", "controls", "required", "summary"),
    [
        ((), NO_CONTROLS, "1", "Denied: there is no balance of words."),
        ((lifetime(100),), NO_CONTROLS, "5.5", "Allowed: 5.5 of words needed, 100 left."),
        (
            (lifetime(2),),
            NO_CONTROLS,
            "3",
            "Denied: 3 of words needed, 2 left, and nothing may be used beyond that.",
        ),
        ((a_row(unlimited=True),), NO_CONTROLS, "3", "Allowed: words is unlimited."),
        ((a_row(boolean=True),), NO_CONTROLS, "1", "Allowed: words is switched on."),
        ((lifetime(9, balance=2),), NO_CONTROLS, "-3", "Allowed: giving back is never refused."),
        (
            (lifetime(9, balance=7),),
            NO_CONTROLS,
            "-3",
            ("Allowed: giving back is never refused. A track would give back 2: no more was used."),
        ),
        (
            (metered(2),),
            NO_CONTROLS,
            "3",
            "Allowed: 3 of words needed, 2 left, and any amount may be used beyond that.",
        ),
        (
            (metered(2, 4),),
            NO_CONTROLS,
            "6",
            "Allowed: 6 of words needed, 2 left, and 4 more may be used beyond that.",
        ),
        (
            (metered(2, 4),),
            NO_CONTROLS,
            "7",
            "Denied: 7 of words needed, 2 left, and 4 may be bought beyond that.",
        ),
        (
            (metered(2),),
            SPEND,
            "6",
            "Denied: 6 of words needed, 2 left, and the spend limit allows 3 beyond that.",
        ),
        (
            (metered(2, 4),),
            Controls(overage_allowed=False),
            "3",
            (
                "Denied: 3 of words needed, 2 left, and nothing may be used beyond that since "
                "overage is switched off."
            ),
        ),
        (
            (lifetime(100),),
            Controls(usage_limits=(limit(5, 3),)),
            "3",
            (
                "Denied: the usage limit of 5 words a day leaves 2 until 2026-09-01 00:00:00 UTC, "
                "3 of words needed."
            ),
        ),
        # A check adds up what all rows sell; each row by itself sells less.
        (
            (metered(5, 4),),
            Controls(spend_limit=SpendLimit(Decimal(30))),
            "35",
            (
                "Allowed: 35 of words needed, 5 left, and 30 more may be used beyond that. A "
                "track would take 9 of it: 35 of words needed, 5 left, and 4 may be bought beyond "
                "that."
            ),
        ),
    ],
)
def test_a_sentence_says_why(rows: Rows, controls: Controls, required: str, summary: str) -> None:
    assert reasons.of_question(words(rows, required, controls)) == summary


def test_of_usage_limits_the_one_that_the_event_counts_in_is_named() -> None:
    eu = limit(5, 5, filter=(("region", "eu"),))
    controls = Controls(usage_limits=(limit(9, 7), eu, limit(1, 1, enabled=False)))

    us, european = words((lifetime(9),), 3, controls), words((lifetime(9),), 1, controls)
    there = words((lifetime(9),), 1, controls, region="eu")

    assert european.allowed
    assert "limit of 9 words a day leaves 2" in reasons.of_question(us)
    assert "limit of 5 words a day leaves 0" in reasons.of_question(there)
    assert (european.basis.not_covered, there.basis.not_covered) == (0, 1)
    assert [one.applies for one in there.basis.payers[0].windows] == [True, True, True]
    assert [one.applies for one in us.basis.payers[0].windows] == [True, False, True]


def test_rollovers_count_as_what_a_source_holds_and_gives() -> None:
    (source,) = words((monthly(5, rollovers=(carried(3, None),)),), 7).basis.sources

    assert (source.holds, source.gives) == (8, 7)


def household(own: int, credit: int, controls: Controls = NO_CONTROLS) -> dict[Place, Holding]:
    return {
        Place("words"): Holding((lifetime(own),), controls),
        CREDITS: Holding((a_row(credit, id="credits"),)),
    }


def test_credits_answer_when_the_own_balance_does_not_suffice() -> None:
    use = Use("words", Decimal(20), {"words": ONE, "credits": FIFTH})
    found = explained(household(3, 10), use)

    assert (found.allowed, found.basis.answering) == (True, "credits")
    assert [(one.balance_id, one.cost, one.gives) for one in found.basis.sources] == [
        ("lifetime", 1, 3),
        ("credits", FIFTH, Decimal("3.4")),
    ]
    assert reasons.of_question(found) == "Allowed: 4 of credits needed, 10 left."


def test_a_denied_check_says_if_several_balances_would_do_together() -> None:
    use = Use("words", Decimal(52), {"words": ONE, "credits": FIFTH})
    found = explained(household(3, 10), use)

    assert not found.allowed
    assert not found.basis.not_covered
    assert reasons.of_question(found).endswith(
        "No balance suffices alone; a track would take it from several."
    )


def test_a_limit_of_the_feature_stops_credits_too() -> None:
    controls = Controls(usage_limits=(limit(5, 4),))
    use = Use("words", Decimal(2), {"words": ONE, "credits": FIFTH})
    state = {Place("words"): Holding((), controls), CREDITS: Holding((a_row(10, id="credits"),))}
    found = explained(state, use)

    assert (found.allowed, found.basis.answering, found.basis.limit) == (
        False,
        "credits",
        "usage_limit",
    )
    told = reasons.of_question(found)
    assert "usage limit of 5 words a day leaves 1" in told
    assert told.endswith("2 of words needed.")


@pytest.mark.parametrize(
    ("basis", "left", "stopped_by"),
    [
        (charged((lifetime(5),), 7), 2, "included"),
        (charged((), 7), 7, "included"),
        (charged((metered(5, 1),), 7), 1, "max_purchase"),
        (charged((metered(2),), 7, SPEND), 2, "spend_limit"),
        (charged((lifetime(50),), 7, Controls(usage_limits=(limit(5, 3),))), 5, "usage_limit"),
        (charged((metered(5, 1),), 10, SPEND, Overage.OVERFLOW), 2, "spend_limit"),
        (charged((lifetime(5),), -7), 7, None),
        (charged((lifetime(5),), 3), 0, None),
    ],
)
def test_what_cuts_a_use_short(basis: Basis, left: int, stopped_by: str | None) -> None:
    assert (basis.not_covered, basis.limit) == (left, stopped_by)
    assert bool(basis.payers) == bool(left)


def test_what_is_left_out_is_counted() -> None:
    rows = tuple(a_row(1, id=f"row{index:02}") for index in range(14))
    filters = (limit(9, used, filter=(("n", str(used)),)) for used in range(13))
    controls = Controls(usage_limits=(limit(30, 29), *filters))
    found = words(rows, 50, controls)

    kept = found.basis.shortened(MOST_KEPT)

    assert (len(kept.sources), len(kept.payers[0].windows), kept.omitted) == (10, 10, 8)
    assert kept.payers[0].windows[0] == found.basis.payers[0].windows[0]
    assert kept.shortened(MOST_KEPT) == kept
    assert "limit of 30 words a day" in reasons.of_question(found._replace(basis=kept))


def test_an_explanation_of_one_balance_is_read_off_its_images() -> None:
    rows = in_order(lifetime(5), monthly(2))
    state = {HERE: Holding(rows)}
    use = Use("words", Decimal(4), {"words": ONE})
    drawn = pool.draw(state, CUSTOMER, use)

    seen = explaining.of_images(state[HERE], HERE, CUSTOMER, Decimal(4), drawn.movements)

    assert seen == explaining.of_use(state, CUSTOMER, use, drawn)


def test_a_flag_gives_nothing() -> None:
    (source,) = words((Row("flag", START, boolean=True),), 3).basis.sources

    assert (source.boolean, source.holds, source.gives) == (True, ZERO, ZERO)


def test_a_use_of_a_flag_is_not_tried() -> None:
    state = {HERE: Holding((Row("flag", START, boolean=True),), Controls(overage_allowed=True))}
    use = Use("words", Decimal(2), {"words": ONE})

    found = explained(state, use)

    assert found.basis.not_covered == 0
    assert explaining.of_use(state, CUSTOMER, use, Drawn(state, (), ZERO)).limit is None
