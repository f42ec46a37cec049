"""What the command bar offers: places to go to, and customers."""

from collections.abc import Iterable
from typing import NamedTuple

from dashboard.customer.actions import actions
from dashboard.customer.tabs import TABS, Place
from dashboard.frame.sections import sections
from orchard.domain.customer import Customer
from orchard.domain.users import Act, User

_CUSTOMERS = "/dashboard/customers/"


class Command(NamedTuple):
    """A place to go to, and what kind of place it is."""

    label: str
    kind: str
    address: str


def places(user: User, at: str, wanted: str) -> list[Command]:
    """Return the places whose names hold all the words of `wanted`; `at` is the page at hand."""
    words = wanted.casefold().split()
    return [
        one
        for one in (*_of_customer(user, at), *_of_user(user))
        if all(word in one.label.casefold() for word in words)
    ]


def customer(found: Customer) -> Command:
    """Return the way to a customer."""
    name = found.name or found.email
    label = f"{name} ({found.id or found.hot_id})" if name else found.hot_id
    return Command(label, "Customer", Place(found.hot_id).page)


def _of_user(user: User) -> Iterable[Command]:
    for section in sections(user):
        yield Command(section.label, "Page", section.address)
    if user.may(Act.EDIT):
        yield Command("Create customer", "Action", "/dashboard/new-customer")
    yield Command("Your account", "Page", "/dashboard/account")


def _of_customer(user: User, at: str) -> Iterable[Command]:
    """The parts of the customer whose page is at hand, and what can be done with it."""
    customer_id = at.removeprefix(_CUSTOMERS).partition("?")[0].partition("/")[0]
    if at.startswith(_CUSTOMERS) and customer_id:
        place = Place(customer_id)
        hidden = () if user.may(Act.DELETE) else ("settings",)
        for tab, label in TABS.items():
            if tab not in hidden:
                yield Command(f"{label} of this customer", "Page", place.to(tab))
        for action in actions(user):
            yield Command(action.label, "Action", f"{place.page}{action.path}")
