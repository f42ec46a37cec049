"""The plan of a customer that a page is about, as the address names it."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from dashboard.customer import reading as customer_reading
from dashboard.customer.acting import Acting
from dashboard.customer.tabs import Place
from dashboard.frame.visits import Visit
from orchard.domain.users import Act
from orchard.errors import NotFound
from orchard.usecases import plan_parts
from orchard.usecases.plan_parts import Held

type View = Mapping[str, Any]


class Holding(NamedTuple):
    """A plan that a customer holds, and what the customer's page says of it."""

    acting: Acting
    held: Held
    shown: View

    @property
    def named(self) -> dict[str, Any]:
        """Which plan of whom it is about, as requests have it."""
        customer_id = self.acting.place.customer_id
        return {"customer_id": customer_id, "subscription_id": self.held.id}

    @property
    def name(self) -> str:
        """What the plan is called."""
        return str(self.held.plan["name"] or self.held.plan["id"])

    def address(self, action: str) -> str:
        """Return the address of a form about this plan."""
        return f"{self.acting.place.page}/products/{quote(self.held.id, safe='')}/{action}"


def found(visitor: Visit, customer_id: str, named: str) -> Holding:
    """Return a plan by its id, or by that of the plan for the customer as a whole.

    Errors: `Forbidden`; `NotFound` for an unknown customer, and for a plan that is not held.
    """
    visitor.current.user.must(Act.BILL)
    place, named = Place(unquote(customer_id)), unquote(named)
    holder = plan_parts.of_customer(visitor.session, customer_reading.request(place))
    own = [one for one in holder.plans if one.entity_id is None]
    fits = [one for one in holder.plans if one.id == named]
    fits = fits or [one for one in reversed(own) if one.plan["id"] == named]
    if not fits:
        raise NotFound("This customer does not hold this plan any more")
    customer, held = holder.customer, fits[0]
    told = [*customer["subscriptions"], *customer["purchases"]]
    by_id = [one for one in told if one.get("id") == held.id]
    shown = by_id or [one for one in told if one["plan_id"] == held.plan["id"]]
    return Holding(Acting(visitor, place, customer), held, shown[0])


def still(visitor: Visit, customer_id: str, held_id: str) -> View | None:
    """Return what is said of a subscription now; None if it is over."""
    customer = customer_reading.found(visitor, Place(customer_id))
    return next((one for one in customer["subscriptions"] if one["id"] == held_id), None)
