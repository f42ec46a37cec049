"""Names of saved views, and how many there may be."""

import pytest

from orchard.domain.saved_views import MOST, NameTaken, View, name_of, with_view, without
from orchard.errors import Invalid, InvalidInputs


def view(name: str, query: str = "q=x") -> View:
    return View(name, query, "user:ada@example.com", 0)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("  Past  due\t", "Past due"), ("x" * 60, "x" * 60), ("Cafe\u0301", "Caf\u00e9")],
)
def test_a_name_is_kept_without_needless_blanks(typed: str, kept: str) -> None:
    assert name_of(typed) == kept


@pytest.mark.parametrize("typed", ["", " \n ", "x" * 61, "a\x00b"])
def test_other_names_are_refused(typed: str) -> None:
    with pytest.raises(InvalidInputs, match=r"^name: "):
        name_of(typed)


def test_views_are_sorted_and_a_name_is_taken_once_however_it_is_cased() -> None:
    views = with_view([view("b")], view("A"), replacing=False)

    assert [one.name for one in views] == ["A", "b"]
    with pytest.raises(NameTaken, match="“b” already"):
        with_view(views, view("B", "q=y"), replacing=False)
    assert with_view(views, view("B", "q=y"), replacing=True)[1] == view("B", "q=y")
    assert with_view(views, view("b"), replacing=False) == views
    assert without(views, "a") == (view("b"),)


def test_one_view_too_many_is_refused_but_one_can_still_be_replaced() -> None:
    views = [view(f"v{number}") for number in range(MOST)]

    with pytest.raises(Invalid, match="delete one first"):
        with_view(views, view("new"), replacing=False)
    assert len(with_view(views, view("v7", "q=y"), replacing=True)) == MOST
