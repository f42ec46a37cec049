"""GET and POST /dashboard/views, POST /dashboard/views/delete, POST /dashboard/views/restore"""

from collections.abc import Mapping
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response

from dashboard import forms
from dashboard.customers import filter_words, view_links
from dashboard.customers.view_links import PAGE
from dashboard.forms import RIGHT, Wrong
from dashboard.frame.routes import Pages
from dashboard.frame.visits import Visit, form, query, visit
from orchard.domain.saved_views import NameTaken
from orchard.domain.users import Act
from orchard.errors import OrchardError
from orchard.triggers import http
from orchard.usecases import saved_views

router = Pages()

#: What takes a removal back is left out if it is too long for where it is kept till then.
_LONGEST_UNDO = 1200


@router.get(PAGE)
def index() -> Response[str]:
    """Show the form that saves a view, and the views there are."""
    visitor = _editor()
    asked = view_links.query_of(view_links.filters_in(urlencode(query(visitor.event))))
    return _page(visitor, {"name": "", "query": asked, "replace": ""})


@router.post(PAGE)
def save() -> Response[str]:
    """Save a view, and show it."""
    visitor = _editor()
    values = forms.typed(form(visitor.event), ("name", "query", "replace"))
    filters = view_links.filters_in(values["query"])
    # Nobody replaces a view whose name was not typed when it was asked about.
    again = bool(values["replace"]) and values["replace"].casefold() == values["name"].casefold()
    kept = view_links.query_of(filters)
    try:
        view = saved_views.save(visitor.session, values["name"], kept, replacing=again)
    except NameTaken as taken:
        return _page(
            visitor, values | {"replace": taken.view.name, "name": taken.view.name}, RIGHT, 409
        )
    except OrchardError as refused:
        return _page(visitor, values, forms.wrong(refused, ("name",)), http.status_of(refused))
    return visitor.done(filters.address, f"The view “{view.name}” was saved.")


@router.post(f"{PAGE}/delete")
def delete() -> Response[str]:
    """Remove a view."""
    visitor = _editor()
    gone = saved_views.delete(visitor.session, form(visitor.event).get("name", ""))
    if gone is None:
        return visitor.done(PAGE, "This view was deleted before.")
    undo = f"{PAGE}/restore?{urlencode({'name': gone.name, 'query': gone.query})}"
    text = f"The view “{gone.name}” was deleted."
    return visitor.done(PAGE, text, undo if len(undo) <= _LONGEST_UNDO else "")


@router.post(f"{PAGE}/restore")
def restore() -> Response[str]:
    """Save a view again that was deleted."""
    visitor = _editor()
    asked = query(visitor.event)
    kept = view_links.query_of(view_links.filters_in(asked.get("query", "")))
    view = saved_views.save(visitor.session, asked.get("name", ""), kept)
    return visitor.done(PAGE, f"The view “{view.name}” is back.")


def _editor() -> Visit:
    """Return who asks. Errors: `Forbidden` for those who may only look."""
    visitor = visit(router)
    visitor.current.user.must(Act.EDIT)
    return visitor


def _page(
    visitor: Visit, values: Mapping[str, str], wrong: Wrong = RIGHT, status: int = 200
) -> Response[str]:
    filters = view_links.filters_in(values["query"])
    views = saved_views.every(visitor.session)
    return visitor.page(
        "customers/views.html",
        status,
        values=values,
        wrong=wrong,
        back=filters.address,
        words=filter_words.in_words(visitor.session, filters),
        views=[(one, view_links.filters_of(one).address) for one in views],
    )
