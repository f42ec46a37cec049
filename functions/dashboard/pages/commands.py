"""GET /dashboard/commands"""

from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response

from dashboard import commands
from dashboard.routes import Pages
from dashboard.visits import Visit, query, visit
from orchard.contracts.customer_reads import ListCustomersRequest
from orchard.contracts.request import parse, prepare
from orchard.domain.users import Act
from orchard.usecases import listing

router = Pages()

prepare(ListCustomersRequest)
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
    return visitor.page("commands.html", found=[*customers, *found], wanted=wanted)


def _customers(visitor: Visit, wanted: str) -> list[commands.Command]:
    request = parse(ListCustomersRequest, {"search": wanted[:500], "limit": _MOST})
    found = listing.list_customers(visitor.session, request)
    return [commands.customer(one) for one in found["list"]]
