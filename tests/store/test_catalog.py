"""The catalogue in the table: its writers take turns, and the first customer is not overlooked."""

from collections.abc import Callable

import pytest

from orchard.domain.catalog import METERED, Catalog, Feature, Plan
from orchard.errors import Invalid
from orchard.store import catalog
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Write

FEATURE = Feature("a#%/ü", "A", METERED, consumable=True, created_at=1)
PLAN = Plan(
    id="free",
    version=1,
    name="Free",
    created_at=1,
    items=({"feature_id": FEATURE.id, "reset": None},),
    metadata={"huge": [1e300, {"deep": None}]},
)


def stored(session: Session) -> Catalog:
    empty = catalog.read(session)
    catalog.commit(
        session,
        empty,
        catalog.put_feature(session, FEATURE, new=True),
        catalog.put_plan(session, PLAN, new=True),
    )
    return catalog.read(session)


def test_what_is_stored_is_read(session: Session) -> None:
    known = stored(session)

    assert known.features == {FEATURE.id: FEATURE}
    assert known.plans == {"free": (PLAN,)}
    assert known.revision == 1


def test_of_two_changes_decided_on_the_same_catalogue_one_wins(session: Session) -> None:
    seen = stored(session)
    first = catalog.put_plan(session, PLAN._replace(name="First"), new=False)
    other = catalog.put_feature(session, FEATURE._replace(id="other"), new=True)
    catalog.commit(session, seen, first)

    with pytest.raises(ConditionFailed):
        catalog.commit(session, seen, other)

    assert list(catalog.read(session).features) == [FEATURE.id]
    assert catalog.read(session).revision == 2


def test_a_change_of_too_many_items_is_refused(session: Session) -> None:
    seen = catalog.read(session)
    writes = [
        catalog.put_plan(session, PLAN._replace(version=number), new=True) for number in range(99)
    ]

    with pytest.raises(Invalid, match="more than 98 plans and features at once"):
        catalog.commit(session, seen, *writes)
    catalog.commit(session, seen, *writes[:98])

    assert len(catalog.read(session).plans["free"]) == 98


def test_a_writer_sees_its_own_change_at_once(session: Session) -> None:
    seen = catalog.cached(session)
    catalog.commit(session, seen, catalog.put_plan(session, PLAN, new=True))

    assert catalog.cached(session).plan("free").name == "Free"


def test_the_first_customer_marks_a_plan_and_the_next_need_not(session: Session) -> None:
    plan = stored(session).plan("free")

    session.commit(*catalog.mark_plan(session, plan, "cus_1"))

    known = catalog.cached(session)
    assert (known.plan("free").used, known.plan("free").used_by) == (True, "cus_1")
    assert catalog.mark_plan(session, known.plan("free"), "cus_2") == []
    assert known.revision == 1


def test_a_second_first_customer_does_no_harm(session: Session) -> None:
    plan = stored(session).plan("free")
    for customer in ("cus_1", "cus_2"):
        session.commit(*catalog.mark_plan(session, plan, customer))

    assert catalog.read(session).plan("free").used


CHANGES: list[Callable[[Session], Write]] = [
    lambda session: catalog.put_plan(session, PLAN._replace(name="Other", revision=2), new=False),
    lambda session: catalog.delete_plan(session, PLAN),
]


@pytest.mark.parametrize("change", CHANGES, ids=["changed", "deleted"])
def test_what_changed_meanwhile_is_not_marked(
    session: Session, change: Callable[[Session], Write]
) -> None:
    seen = stored(session)
    catalog.commit(session, seen, change(session))

    with pytest.raises(ConditionFailed):
        session.commit(*catalog.mark_plan(session, seen.plan("free"), "cus_1"))


@pytest.mark.parametrize("change", CHANGES, ids=["changed", "deleted"])
def test_what_was_marked_meanwhile_is_not_changed(
    session: Session, change: Callable[[Session], Write]
) -> None:
    seen = stored(session)
    session.commit(*catalog.mark_plan(session, seen.plan("free"), "cus_1"))

    with pytest.raises(ConditionFailed):
        catalog.commit(session, seen, change(session))
    with pytest.raises(ConditionFailed):
        catalog.commit(session, seen, catalog.unused_plan(session, PLAN))

    assert catalog.read(session).plan("free").used_by == "cus_1"


def test_a_plan_made_again_under_the_same_id_is_another_one(session: Session) -> None:
    seen = stored(session)
    catalog.commit(session, seen, catalog.delete_plan(session, PLAN))
    again = catalog.read(session)
    revised = PLAN._replace(revision=again.revision + 1)
    catalog.commit(session, again, catalog.put_plan(session, revised, new=True))

    with pytest.raises(ConditionFailed):
        session.commit(*catalog.mark_plan(session, seen.plan("free"), "cus_1"))


def test_a_granted_feature_is_marked_and_then_neither_changed_nor_removed(
    session: Session,
) -> None:
    seen = stored(session)
    session.commit(*catalog.mark_feature(session, seen.feature(FEATURE.id)))

    for change in (
        catalog.put_feature(session, FEATURE, new=False),
        catalog.delete_feature(session, FEATURE),
    ):
        with pytest.raises(ConditionFailed):
            catalog.commit(session, seen, change)
    assert catalog.mark_feature(session, catalog.cached(session).feature(FEATURE.id)) == []


def test_a_feature_that_changed_meanwhile_is_not_marked(session: Session) -> None:
    seen = stored(session)
    changed = FEATURE._replace(type="boolean", revision=2)
    catalog.commit(session, seen, catalog.put_feature(session, changed, new=False))

    with pytest.raises(ConditionFailed):
        session.commit(*catalog.mark_feature(session, seen.feature(FEATURE.id)))


def test_marking_drops_the_cached_catalogue_so_that_a_retry_is_fresh(session: Session) -> None:
    stored(session)
    held = catalog.cached(session)

    catalog.mark_plan(session, held.plan("free"), "cus_1")

    assert catalog.cached(session) is not held
