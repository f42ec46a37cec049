"""GET /dashboard/customers/{id}/upcoming"""

from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response

from dashboard.customer import upcoming as customer_upcoming
from dashboard.customer.tabs import Place
from dashboard.frame.answers import html, sent_on
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, visit
from orchard.domain.users import Act
from orchard.triggers import http

router = Pages()


@router.get(f"{HOME}/<customer_id>/upcoming")
def show(customer_id: str) -> Response[str]:
    """Return what is billed next, to be put onto the tab of invoices; else lead to that tab."""
    visitor = visit(router)
    visitor.current.user.must(Act.VIEW)
    place = Place(unquote(customer_id), "invoices", {"upcoming": "1"})
    if not http.header(visitor.event, "hx-request"):
        return sent_on(place.address)
    upcoming, status = customer_upcoming.asked(visitor, place)
    return html("customer/upcoming_part.html", status, place=place, upcoming=upcoming)
