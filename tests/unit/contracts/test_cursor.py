"""Cursors mark the same place again, and nothing else passes for one."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.contracts import cursor
from orchard.contracts.cursor import Cursor, PageRequest
from orchard.contracts.request import parse
from orchard.errors import Invalid


def text_of(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


@given(st.integers(0, 10**17), st.text(st.characters(codec="utf-8"), max_size=128))
def test_a_cursor_marks_the_same_place_when_it_comes_back(time: int, item_id: str) -> None:
    place = Cursor(time, item_id)

    assert cursor.decode(cursor.encode(place)) == place


def test_a_cursor_is_url_safe_and_has_the_documented_content() -> None:
    text = cursor.encode(Cursor(1_788_220_800_000, "user_123"))

    padded = text + "=" * (-len(text) % 4)
    assert json.loads(base64.urlsafe_b64decode(padded)) == {
        "v": 0,
        "id": "user_123",
        "t": 1_788_220_800_000,
    }


def test_padding_does_not_matter() -> None:
    assert cursor.decode(text_of({"v": 0, "id": "a", "t": 1})) == Cursor(1, "a")


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "!!!!",
        "é",
        "A" * 3000,
        text_of([]),
        text_of("text"),
        text_of({}),
        text_of({"v": 1, "id": "a", "t": 1}),
        text_of({"v": False, "id": "a", "t": 1}),
        text_of({"v": 0, "id": 1, "t": 1}),
        text_of({"v": 0, "id": "a", "t": "1"}),
        text_of({"v": 0, "id": "a", "t": 1.5}),
        text_of({"v": 0, "id": "a", "t": True}),
        text_of({"v": 0, "id": "a", "t": -1}),
        text_of({"v": 0, "id": "a", "t": 10**18}),
        text_of({"v": 0, "id": "a" * 600, "t": 1}),
        text_of({"v": 0, "id": "\ud800", "t": 1}),
        "W1tbW1tbW1tb" * 100,
    ],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        cursor.decode(text)

    assert refused.value.code == "invalid_cursor"


def test_the_first_page_has_no_cursor() -> None:
    assert parse(PageRequest, {}).after is None
    assert parse(PageRequest, {"start_cursor": ""}).after is None


@pytest.mark.parametrize("limit", [0, -1, 5001, 1.5, "many", True])
def test_a_limit_outside_the_schema_is_refused(limit: object) -> None:
    with pytest.raises(Invalid) as refused:
        parse(PageRequest, {"limit": limit})

    assert refused.value.code == "invalid_inputs"


def test_a_limit_above_the_largest_page_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        parse(PageRequest, {"limit": 1001})

    assert refused.value.message == "limit 1001 exceeds max of 1000 for this org"
    assert refused.value.code == "invalid_request"


def test_pages_follow_one_another_without_gap_or_repetition() -> None:
    items = list(range(10, 0, -1))
    seen: list[int] = []
    after: Cursor | None = None
    while True:
        rest = (one for one in items if after is None or one < after.time)
        page = cursor.page(rest, 4, lambda one: Cursor(one, str(one)))
        seen += page.items
        if page.next_cursor is None:
            break
        after = cursor.decode(page.next_cursor)

    assert seen == items


def test_a_page_that_holds_the_rest_exactly_is_the_last() -> None:
    page = cursor.page([2, 1], 2, lambda one: Cursor(one, str(one)))

    assert page == ([2, 1], None)


def test_an_empty_list_has_one_empty_page() -> None:
    assert cursor.page([], 2, lambda one: Cursor(one, str(one))) == ([], None)
