"""What changes are called, who is behind them, and what they are found by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.domain import changes, ids
from orchard.domain.changes import Actor
from orchard.domain.ledger import Change


def line(kind: str = "edit", by: str = "key:server", feature_id: str | None = None) -> Change:
    return Change("chg_1", kind, "user_1", "cus_1", feature_id, {}, {}, 0, by, "")


@pytest.mark.parametrize(
    ("by", "actor"),
    [
        ("key:server", Actor("api_key", "server")),
        ("key:a:b", Actor("api_key", "a:b")),
        ("user:ada@example.com", Actor("dashboard_user", "ada@example.com")),
        ("job:reset_balances", Actor("job", "reset_balances")),
        ("stripe", Actor("stripe", None)),
        ("time", Actor("time", None)),
    ],
)
def test_who_did_it_is_told_apart_from_how_the_table_calls_them(by: str, actor: Actor) -> None:
    assert changes.actor(by) == actor


def test_a_line_is_found_by_what_its_writer_said_of_the_place_too() -> None:
    made = line("create_entity")._replace(details={"entity_id": "a", "feature_id": "seats"})

    assert changes.tokens(made) == {
        "action:entities.create",
        "feature:seats",
        "entity:a",
        "actor:api_key",
        "name:server",
    }
    assert (changes.feature_of([made]), changes.entity_of([made])) == ("seats", "a")


def test_a_change_of_several_features_is_about_none_of_them_alone() -> None:
    lines = [line(), line(feature_id="messages"), line(feature_id="words")]

    assert changes.feature_of(lines) is None
    assert changes.feature_of(lines[:2]) == "messages"


def test_all_that_is_wanted_has_to_be_there_and_one_of_several_suffices() -> None:
    found = [{"action:a", "feature:x"}, {"feature:y"}]

    def matches(*wanted: set[str]) -> bool:
        return changes.matches(found, [frozenset(some) for some in wanted])

    assert matches()
    assert matches({"action:a", "action:b"}, {"feature:y"})
    assert not matches({"action:a"}, {"feature:z"})


def test_an_undo_is_called_so_even_if_it_moved_the_customer() -> None:
    moved = line("rename")

    assert changes.action_of(moved) == "customers.update"
    assert changes.action_of(moved._replace(details={"undoes": "chg_0"})) == "changes.undo"


@given(st.integers(1_400_000_000_000, 5_000_000_000_000))
def test_an_id_tells_the_second_in_which_it_was_made(now: int) -> None:
    assert ids.created_second(ids.new("chg_", now)) == now - now % 1000
    assert ids.created_second(ids.derived("chg_", now, "a")) == now - now % 1000


@given(st.text(max_size=40))
def test_whatever_text_is_no_id_has_no_second(text: str) -> None:
    found = ids.created_second(text)

    assert found is None or len(text.rpartition("_")[2]) == 27
