"""The sections of the dashboard, as the sidebar lists them: for those who may see them."""

from typing import NamedTuple

from orchard.domain.users import Act, User


class Section(NamedTuple):
    """A part of the dashboard that the sidebar leads to; `icon` names one in frame/icons.html."""

    name: str
    label: str
    address: str
    #: What somebody must be permitted to see it.
    act: Act
    icon: str


SECTIONS = (
    Section("customers", "Customers", "/dashboard/customers", Act.VIEW, "people"),
    Section("approvals", "Approvals", "/dashboard/approvals", Act.GRANT, "ticked"),
    Section("users", "Users", "/dashboard/users", Act.MANAGE_USERS, "badge"),
    Section("settings", "Settings", "/dashboard/settings", Act.CONFIGURE, "sliders"),
)
#: The section of pages that name none.
DEFAULT = "customers"


def sections(user: User) -> list[Section]:
    """Return the sections that somebody may see."""
    return [one for one in SECTIONS if user.may(one.act)]
