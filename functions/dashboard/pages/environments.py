"""POST /dashboard/environment"""

from aws_lambda_powertools.event_handler import Response

from dashboard.frame.answers import sent_on
from dashboard.frame.routes import Pages
from dashboard.frame.visits import form, ours, visit
from orchard.triggers.connection import table
from orchard.usecases import signing_in

router = Pages()


@router.post("/dashboard/environment")
def choose() -> Response[str]:
    """Go over to the sandbox or to live, on the page at hand."""
    visitor, asked = visit(router), form(router.current_event.raw_event)
    chosen = asked.get("environment", "")
    signing_in.choose_environment(table(), visitor.session_id, chosen, visitor.now)
    # Filters and cursors of the one mean nothing in the other.
    return sent_on(ours(asked.get("back", "").partition("?")[0]))
