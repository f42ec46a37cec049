"""GET /dashboard/customers"""

from collections.abc import Iterable
from typing import Any

from aws_lambda_powertools.event_handler import Response

from dashboard.customer import rows as customer_rows
from dashboard.customers import filter_words, view_links
from dashboard.customers import listing as customer_list
from dashboard.customers.listing import BASES, MOST_COLUMNS, NO_PLAN, STATUSES, WAYS, Filters
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, Visit, query, visit
from orchard.domain.saved_views import View
from orchard.domain.users import Act
from orchard.errors import OrchardError
from orchard.triggers import http
from orchard.usecases import directory, saved_views
from orchard.usecases.directory import Choices, Spot

router = Pages()

_CHOICES = {"statuses": STATUSES, "bases": BASES, "ways": WAYS, "most_columns": MOST_COLUMNS}


@router.get(HOME)
def index() -> Response[str]:
    """Show a page of the customers that are looked for."""
    visitor = visit(router)
    visitor.current.user.must(Act.VIEW)
    asked = query(visitor.event)
    filters = Filters.of(asked)
    answered = _index(visitor, filters, asked.get("created", ""))
    # What is typed into the search box gets the address that a link to it would have.
    answered.headers["hx-replace-url"] = filters.address
    return answered


def _index(visitor: Visit, filters: Filters, created: str) -> Response[str]:
    session, known = visitor.session, Choices({}, {})
    try:
        known = directory.choices(session)
        found = directory.page(session, filters.sought, Spot(filters.cursor, filters.before))
    except OrchardError as failed:
        told = customer_list.explained(failed)
        return _list(visitor, filters, known, http.status_of(failed), failed=told)
    rows = customer_rows.shown(found, filters, known, visitor.now)
    words = filter_words.in_words(session, filters._replace(order="", columns=""))
    return _list(visitor, filters, known, views=found.views, created=created, words=words, **rows)


def _list(
    visitor: Visit,
    filters: Filters,
    known: Choices,
    status: int = 200,
    views: Iterable[View] | None = None,
    **told: Any,
) -> Response[str]:
    views = saved_views.every(visitor.session) if views is None else views
    nothing: dict[str, Any] = {"rows": [], "following": "", "previous": "", "looked_at": None}
    nothing |= {"failed": "", "created": "", "words": []}
    context = {**nothing, **told, "filters": filters, **_CHOICES}
    shown = {"plans": {NO_PLAN: "No plan", **known.plans}, "features": known.features}
    links = view_links.links(views, filters)
    return visitor.page("customers/list.html", status, views=links, **shown, **context)
