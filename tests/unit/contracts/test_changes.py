"""The actions that a list of changes can be asked for are those that changes have."""

from typing import get_args

from orchard.contracts.changes import Action, ActorType
from orchard.domain import changes


def test_every_action_can_be_asked_for() -> None:
    assert set(get_args(Action.__value__)) == set(changes.ACTIONS.values())


def test_every_kind_that_can_be_undone_is_an_action_of_somebody() -> None:
    assert set(changes.ACTIONS) >= changes.UNDOABLE


def test_every_type_of_actor_can_be_asked_for() -> None:
    known = {changes.actor(by).type for by in ("key:a", "user:a", "job:a", "stripe", "time")}

    assert set(get_args(ActorType.__value__)) == known
