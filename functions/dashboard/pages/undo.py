"""POST /dashboard/customers/{id}/changes/{change}/undo"""

from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response

from dashboard.customer_tabs import Place
from dashboard.routes import Pages
from dashboard.visits import HOME, form, ours, visit
from orchard.contracts.request import parse, prepare
from orchard.contracts.undoing import UndoRequest
from orchard.domain.users import Act
from orchard.usecases import granting_caps, undoing

router = Pages()

prepare(UndoRequest)


@router.post(f"{HOME}/<customer_id>/changes/<change_id>/undo")
def take_back(customer_id: str, change_id: str) -> Response[str]:
    """Take one change back, and say so on the page that asked for it."""
    visitor = visit(router)
    visitor.current.user.must(Act.GRANT)
    place = Place(unquote(customer_id), "changes")
    fields = form(visitor.event)
    asked = {"customer_id": place.customer_id, "change_id": unquote(change_id)}
    request = parse(UndoRequest, asked | {"reason": fields.get("reason", "").strip() or "Undone"})
    session = visitor.session
    rule = granting_caps.of_undo(session, visitor.current.user)
    undone = undoing.take_back(session, request, rule)
    back = ours(fields["back"]) if "back" in fields else place.address
    new_id = undone["customer"]["after"].get("id")
    if new_id is not None:
        # The page that asked is about an id that is nobody's by now.
        place, former = Place(new_id, place.tab), place.page
        back = back.replace(former, place.page, 1)
    again = f"{place.page}/changes/{undone['change_id']}/undo"
    return visitor.done(back, "The change was undone.", again)
