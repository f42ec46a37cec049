"""What can be done with a customer, as the menu on its page and the command bar list it."""

from typing import NamedTuple

from orchard.domain.users import Act, User


class Action(NamedTuple):
    """A form about a customer: `path` follows the address of the customer's page."""

    #: The key that chooses it in the menu.
    letter: str
    label: str
    path: str
    #: What somebody must be permitted to see it.
    act: Act


ACTIONS = (
    Action("p", "Attach a plan", "/attach", Act.BILL),
    Action("w", "Why blocked, why charged?", "/why", Act.VIEW),
    Action("c", "Add a reward", "/coupons/add", Act.BILL),
    Action("g", "Grant a balance", "/grant", Act.GRANT),
    Action("d", "Delete customer", "/delete", Act.DELETE),
)


def actions(user: User) -> list[Action]:
    """Return what somebody may do with a customer."""
    return [one for one in ACTIONS if user.may(one.act)]
