"""POST /dashboard/customers/{id}/portal"""

from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response

from dashboard import terminal
from dashboard.customer import reading as customer_reading
from dashboard.customer.tabs import Place
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, visit
from orchard.contracts.billing.hosted import OpenCustomerPortalRequest
from orchard.contracts.request import parse, prepare
from orchard.domain.users import Act
from orchard.errors import OrchardError
from orchard.triggers import http
from orchard.usecases.billing import portal

router = Pages()

prepare(OpenCustomerPortalRequest)


@router.post(f"{HOME}/<customer_id>/portal")
def opened(customer_id: str) -> Response[str]:
    """Have Stripe make a page for the customer, and show where it is.

    Browsers let no form lead to another site that the policy of the page does not name; a link may.
    """
    visitor = visit(router)
    visitor.current.user.must(Act.BILL)
    place = Place(unquote(customer_id))
    customer = customer_reading.found(visitor, place)
    body = {"customer_id": place.customer_id}
    told, status = {"url": "", "failed": ""}, 200
    try:
        request = parse(OpenCustomerPortalRequest, body)
        told["url"] = portal.open_customer_portal(visitor.session, request)["url"]
    except OrchardError as failed:
        told["failed"], status = failed.message, http.status_of(failed)
    about = {"place": place, "called": customer_reading.called(customer, place)}
    curl = terminal.curl("billing.open_customer_portal", body)
    return visitor.page("customer/portal.html", status, **told, **about, curl=curl)
