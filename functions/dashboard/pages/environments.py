"""GET and POST /dashboard/environment"""

from aws_lambda_powertools.event_handler import Response

from dashboard.frame.answers import sent_on
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, form, ours, query, visit
from orchard.triggers.connection import table
from orchard.usecases import signing_in

router = Pages()
_ADDRESS = "/dashboard/environment"


@router.get(_ADDRESS)
def show() -> Response[str]:
    """Say that a page was opened in the other environment."""
    visitor = visit(router)
    asked, here = query(visitor.event), visitor.current.environment
    opened_in = asked.get("opened_in", "")
    if opened_in not in signing_in.ENVIRONMENTS or opened_in == here:
        return sent_on(HOME)
    back = ours(asked.get("back", ""))
    return visitor.page("frame/other_environment.html", opened_in=opened_in, back=back)


@router.post(_ADDRESS)
def choose() -> Response[str]:
    """Go over to the sandbox or to live, on the page at hand."""
    visitor, asked = visit(router), form(router.current_event.raw_event)
    chosen = asked.get("environment", "")
    signing_in.choose_environment(table(), visitor.session_id, chosen, visitor.now)
    # Filters and cursors of the one mean nothing in the other.
    return sent_on(ours(asked.get("back", "").partition("?")[0]))
