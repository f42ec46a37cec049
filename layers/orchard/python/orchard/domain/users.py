"""People who use the dashboard: what each role may do, and what a password must be."""

import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from orchard.errors import Forbidden, Invalid

#: An invite link works this long: a week, UTC milliseconds like all durations here.
INVITE_MS = 7 * 86_400_000
#: A session ends when it was not used for so long, and at the latest after that.
IDLE_MS, SESSION_MS = 12 * 3_600_000, 7 * 86_400_000
#: No e-mail address is longer.
LONGEST_EMAIL = 320
_SHORTEST, _LONGEST, _LONGEST_NAME = 12, 200, 100


class Role(StrEnum):
    """What somebody is in an organisation, the mightiest first."""

    OWNER = "owner"
    ADMIN = "admin"
    SUPPORT = "support"
    VIEWER = "viewer"


class Act(StrEnum):
    """Something that not every role may do."""

    #: Look at customers, with all that belongs to them.
    VIEW = "view"
    #: Create customers and edit their details.
    EDIT = "edit"
    #: Attach, change and cancel plans, add coupons: all that alters what a customer pays.
    BILL = "bill"
    #: Grant balance, up to the cap of the organisation.
    GRANT = "grant"
    #: Grant any balance, and approve what others want to grant above the cap.
    APPROVE = "approve"
    #: Delete customers.
    DELETE = "delete"
    #: Invite and change users, except owners.
    MANAGE_USERS = "manage_users"
    #: Change the settings of the dashboard, such as the cap on grants.
    CONFIGURE = "configure"
    #: Make and change owners, and let owners and admins have new passwords.
    MANAGE_OWNERS = "manage_owners"


_SUPPORT = frozenset({Act.VIEW, Act.EDIT, Act.BILL, Act.GRANT})
_ADMIN = _SUPPORT | {Act.APPROVE, Act.DELETE, Act.MANAGE_USERS, Act.CONFIGURE}
_MAY = {
    Role.OWNER: _ADMIN | {Act.MANAGE_OWNERS},
    Role.ADMIN: _ADMIN,
    Role.SUPPORT: _SUPPORT,
    Role.VIEWER: frozenset({Act.VIEW}),
}


@dataclass(frozen=True)
class User:
    """Somebody who may sign in to the dashboard, in both environments of an organisation."""

    id: str
    organization: str
    #: In lower case; no two users of the deployment have the same.
    email: str
    name: str
    role: Role
    created_at: int
    disabled: bool = False
    #: Sessions of an earlier generation are over.
    generation: int = 0
    #: When a page was last asked for, give or take ten minutes; None if none was yet.
    seen_at: int | None = field(default=None, compare=False)

    @property
    def actor(self) -> str:
        """Who did it, as the audit trail names this user."""
        return f"user:{self.email}"

    def may(self, act: Act) -> bool:
        """Whether the role of this user permits something."""
        return act in _MAY[self.role]

    def must(self, act: Act) -> None:
        """Refuse what the role does not permit. Errors: `Forbidden`."""
        if not self.may(act):
            raise Forbidden(f"Your role ({self.role}) does not permit this", "role_not_sufficient")

    def may_manage(self, role: Role) -> bool:
        """Whether this user may give and take a role: owners are made by owners alone."""
        return self.may(Act.MANAGE_OWNERS if role is Role.OWNER else Act.MANAGE_USERS)

    def must_manage(self, *roles: Role) -> None:
        """Refuse to give or take these roles unless this user may. Errors: `Forbidden`."""
        self.must(Act.MANAGE_OWNERS if Role.OWNER in roles else Act.MANAGE_USERS)

    def may_let_back(self, role: Role) -> bool:
        """Whether this user may make a link for a new password of somebody in this role.

        Whoever holds it can sign in as that person: among admins nobody may, so that each is one.
        """
        owners_do = role in {Role.OWNER, Role.ADMIN}
        return self.may(Act.MANAGE_OWNERS if owners_do else Act.MANAGE_USERS)


class Invite(NamedTuple):
    """A link that can be used once: to become a user, or, with a `user_id`, for a new password."""

    #: The SHA-256 of the link's secret; it opens nothing.
    id: str
    organization: str
    email: str
    role: Role
    #: Who made it, as the audit trail names people.
    by: str
    created_at: int
    expires_at: int
    user_id: str | None = None


def normal_email(email: str) -> str:
    """Return the one spelling under which an address is kept."""
    return unicodedata.normalize("NFC", email).strip().lower()


def checked_name(name: str) -> str:
    """Return a person's name without blanks around it. Errors: `Invalid`."""
    stripped = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(stripped) <= _LONGEST_NAME or not stripped.isprintable():
        raise Invalid(f"A name has 1 to {_LONGEST_NAME} printable characters", "invalid_name")
    return stripped


def checked_password(password: str, *others: str) -> str:
    """Return a new password that is hard enough to guess; not one of `others`, such as the e-mail.

    Errors: `Invalid` with code `invalid_password`.
    """
    if not _SHORTEST <= len(password) <= _LONGEST:
        message = f"A password has {_SHORTEST} to {_LONGEST} characters"
        raise Invalid(message, "invalid_password")
    known = {other.lower() for other in others}
    if password.strip().lower() in known or len(set(password)) < _SHORTEST // 3:
        raise Invalid("This password is too easy to guess", "invalid_password")
    return password


def is_possible_password(password: str) -> bool:
    """Whether somebody could have this password: longer ones are not worth the work."""
    return 0 < len(password) <= _LONGEST
