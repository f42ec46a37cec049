"""What the pages of forms about a customer have in common: who asks, about whom, the way back."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aws_lambda_powertools.event_handler import Response

from dashboard.customer import reading as customer_reading
from dashboard.customer.tabs import Place
from dashboard.frame.visits import Visit

type View = Mapping[str, Any]


class Acting(NamedTuple):
    """Somebody who does something with a customer, from one of the tabs of its page."""

    visitor: Visit
    place: Place
    customer: View

    @property
    def back(self) -> str:
        """The address of the page that it was asked for from."""
        return self.place.address

    def page(self, template: str, status: int = 200, **context: Any) -> Response[str]:
        """Return the page of a form."""
        called = customer_reading.called(self.customer, self.place)
        about = {"called": called, "place": self.place, "back": self.back}
        return self.visitor.page(template, status, **about | context)
