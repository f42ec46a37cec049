"""What was done to the users of the dashboard: by whom, to whom, when."""

from enum import StrEnum
from typing import NamedTuple


class Deed(StrEnum):
    """What somebody did."""

    INVITED = "invited"
    #: A link that was not used yet works no more.
    WITHDREW = "withdrew"
    #: Somebody who was invited became a user.
    JOINED = "joined"
    CHANGED_ROLE = "changed_role"
    DISABLED = "disabled"
    ENABLED = "enabled"
    ENDED_SESSIONS = "ended_sessions"
    #: A link for a new password was made.
    MADE_LINK = "made_link"
    SET_PASSWORD = "set_password"  # noqa: S105 - a word for what was done


class Whom(NamedTuple):
    """To whom something was done; somebody who is invited has no `user_id` yet."""

    organization: str
    email: str
    user_id: str | None = None


class UserChange(NamedTuple):
    """Something that was done; neither passwords nor the secrets of links are part of it."""

    id: str
    at: int
    #: As the audit trail names people: `user:ada@example.com`, or `operator`.
    by: str
    deed: Deed
    whom: Whom
    #: The role before, if there was another, and the one that the user has, or is to have, now.
    role_before: str | None
    role: str
