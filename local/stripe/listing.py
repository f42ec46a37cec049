"""Lists as Stripe pages them: newest first, from one object to the next."""

import operator
from typing import Any

from local.stripe.account import Document
from local.stripe.failures import missing

_COMPARED = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_MOST = 100


def created_within(one: Document, wanted: Any) -> bool:
    """Whether an object's creation fits the parameter `created`, absent or a time or a range."""
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return bool(one["created"] == wanted)
    return all(_COMPARED[name](one["created"], bound) for name, bound in wanted.items())


def newest_first(found: list[Document]) -> list[Document]:
    """Return objects by creation, of equal age the later made first."""
    by_age = sorted(enumerate(found), key=lambda one: (one[1]["created"], one[0]), reverse=True)
    return [one for _place, one in by_age]


def page(found: list[Document], params: Document, url: str) -> Document:
    """Return the list object for one page of what was found."""
    limit = min(params.get("limit", 10), _MOST)
    places = {one["id"]: place for place, one in enumerate(found)}
    if "ending_before" in params:
        end = _place(places, params["ending_before"], "ending_before")
        shown, more = found[max(0, end - limit) : end], end > limit
    else:
        after = params.get("starting_after")
        start = 0 if after is None else _place(places, after, "starting_after") + 1
        shown, more = found[start : start + limit], len(found) > start + limit
    return {"object": "list", "data": shown, "has_more": more, "url": url}


def _place(places: dict[str, int], object_id: str, param: str) -> int:
    if object_id not in places:
        raise missing("object", object_id, param)
    return places[object_id]
