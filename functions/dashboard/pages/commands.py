"""GET /dashboard/commands"""

from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response

from dashboard.frame import commands
from dashboard.frame.routes import Pages
from dashboard.frame.visits import Visit, query, visit
from orchard.domain.directory import Sought
from orchard.domain.users import Act
from orchard.usecases import directory
from orchard.usecases.directory import Spot

router = Pages()

_MOST = 8


@router.get("/dashboard/commands")
def offer() -> Response[str]:
    """Show what the command bar finds for what was typed; a part of a page."""
    visitor = visit(router)
    visitor.current.user.must(Act.VIEW)
    asked = query(visitor.event)
    wanted = asked.get("q", "").strip()
    found = commands.places(visitor.current.user, unquote(asked.get("at", "")), wanted)
    customers = _customers(visitor, wanted) if wanted else []
    return visitor.page("frame/commands.html", found=[*customers, *found], wanted=wanted)


def _customers(visitor: Visit, wanted: str) -> list[commands.Command]:
    found = directory.page(visitor.session, Sought(search=wanted), Spot())
    return [commands.customer(row.customer) for row in found.rows[:_MOST]]
