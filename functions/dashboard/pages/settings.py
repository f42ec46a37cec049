"""GET and POST /dashboard/settings"""

from collections.abc import Mapping

from aws_lambda_powertools.event_handler import Response

from dashboard.forms import RIGHT, Wrong
from dashboard.frame.routes import Pages
from dashboard.frame.visits import Visit, form, visit
from dashboard.people import cap_form
from orchard.domain.users import Act
from orchard.errors import InvalidInputs, OrchardError
from orchard.store.support_caps import Kept
from orchard.triggers import http
from orchard.usecases import capping, features

router = Pages()
_ADDRESS = "/dashboard/settings"


@router.get(_ADDRESS)
def show() -> Response[str]:
    """Show what people in support may grant."""
    visitor = visit(router)
    kept = capping.caps(visitor.session, visitor.current.user)
    return _page(visitor, kept, cap_form.first(kept.caps))


@router.post(_ADDRESS)
def save() -> Response[str]:
    """Change it, unless somebody else did meanwhile."""
    visitor = visit(router)
    visitor.current.user.must(Act.CONFIGURE)
    fields = form(visitor.event)
    values = cap_form.typed(fields)
    try:
        capping.change(visitor.session, visitor.current.user, cap_form.caps(values), _seen(fields))
    except OrchardError as refused:
        return _refused(visitor, values, refused)
    return visitor.done(_ADDRESS, "The settings were saved.")


def _seen(fields: Mapping[str, str]) -> int:
    text = fields.get("seen", "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidInputs("This form can't be read: open the page again")
    return int(text)


def _refused(visitor: Visit, values: dict[str, str], refused: OrchardError) -> Response[str]:
    """The form as it was filled in, with what is there by now: saved again, it replaces that."""
    kept = capping.caps(visitor.session, visitor.current.user)
    return _page(visitor, kept, values, cap_form.wrong(refused, values), http.status_of(refused))


def _page(
    visitor: Visit, kept: Kept, values: dict[str, str], wrong: Wrong = RIGHT, status: int = 200
) -> Response[str]:
    known = features.every(visitor.session)["list"]
    names = {one["id"]: one["name"] or one["id"] for one in known}
    return visitor.page(
        "people/settings.html",
        status,
        section="settings",
        kept=kept,
        values=values,
        wrong=wrong,
        rows=cap_form.rows(values, names),
        choices=cap_form.choices(values, known),
    )
