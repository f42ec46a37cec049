"""Users, the links that let them in, and what was done to them, as pages show these."""

from typing import Any

from orchard.domain.user_changes import Deed, UserChange
from orchard.domain.users import Invite, Role, User

#: What each role may do, the one that may least first.
ROLES = {
    Role.VIEWER: "Looks at everything and changes nothing.",
    Role.SUPPORT: "Edits customers, their plans and coupons, and grants balance up to a limit.",
    Role.ADMIN: "Also grants any balance, approves, deletes customers and manages users.",
    Role.OWNER: "Also manages owners, and makes links for new passwords of admins.",
}
_DEEDS = {
    Deed.INVITED: "Invited as {role}",
    Deed.WITHDREW: "Withdrew the link to join as {role}",
    Deed.JOINED: "Joined as {role}",
    Deed.CHANGED_ROLE: "Changed the role from {before} to {role}",
    Deed.DISABLED: "Disabled",
    Deed.ENABLED: "Enabled",
    Deed.ENDED_SESSIONS: "Ended all sessions",
    Deed.MADE_LINK: "Made a link for a new password",
    Deed.SET_PASSWORD: "Set a new password",
}


def roles(by: User) -> dict[str, str]:
    """Return the roles that somebody may give, with what each may do."""
    return {str(role): text for role, text in ROLES.items() if by.may_manage(role)}


def user(one: User, by: User) -> dict[str, Any]:
    """Return a user; `by` is who looks."""
    return {
        "id": one.id,
        "name": one.name,
        "email": one.email,
        "role": str(one.role),
        "role_label": one.role.capitalize(),
        "disabled": one.disabled,
        "created_at": one.created_at,
        "seen_at": one.seen_at,
        "is_you": one.id == by.id,
        "managed": one.id != by.id and by.may_manage(one.role),
        "let_back": by.may_let_back(one.role),
    }


def invitation(one: Invite, by: User) -> dict[str, Any]:
    """Return a link that was not used yet."""
    return {
        "id": one.id,
        "email": one.email,
        "purpose": "New password" if one.user_id else f"Join as {one.role.capitalize()}",
        "by": person(one.by),
        "created_at": one.created_at,
        "expires_at": one.expires_at,
        "managed": by.may_manage(one.role),
    }


def change(one: UserChange) -> dict[str, Any]:
    """Return what was done, as a sentence."""
    told = _DEEDS[one.deed]
    if one.deed is Deed.WITHDREW and one.whom.user_id:
        told = "Withdrew the link for a new password"
    before = (one.role_before or "").capitalize()
    return {
        "at": one.at,
        "who": person(one.by),
        "what": told.format(role=one.role.capitalize(), before=before),
        "whom": one.whom.email,
    }


def person(actor: str) -> str:
    """Return what somebody is called who did something."""
    kind, _, email = actor.partition(":")
    return email if kind == "user" else "An operator"
