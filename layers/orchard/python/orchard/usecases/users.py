"""Dashboard users: invite them, let them in, change and disable them.

A link is used up together with its effect.
"""

import re
from dataclasses import replace

from orchard.domain import ids
from orchard.domain.user_changes import Deed
from orchard.domain.users import (
    Act,
    Invite,
    Role,
    User,
    checked_name,
    checked_password,
)
from orchard.errors import Conflict, Forbidden, Invalid, InviteNotFound, UserNotFound
from orchard.gateways import passwords
from orchard.store import users as stored
from orchard.store.statements import ConditionFailed, Contention, Put
from orchard.store.table import Table
from orchard.usecases import user_links
from orchard.usecases.user_history import line

#: So begins the name of a user in the audit trail.
_BY_USER = "user:"
_ORGANIZATION = re.compile(r"[a-z0-9_-]{1,40}")
_USER, _INVITE = re.compile(r"usr_\w{27}", re.ASCII), re.compile(r"[0-9a-f]{64}")


def users(table: Table, by: User) -> list[User]:
    """Return the users of somebody's organisation, the oldest first. Errors: `Forbidden`."""
    by.must(Act.MANAGE_USERS)
    return stored.of(table, by.organization)


def user(table: Table, by: User, user_id: str) -> User:
    """Return one of them. Errors: `Forbidden`, `UserNotFound`."""
    by.must(Act.MANAGE_USERS)
    return _found(table, by, user_id)


def invites(table: Table, by: User, now: int) -> list[Invite]:
    """Return the links that were not used yet, the oldest first. Errors: `Forbidden`."""
    by.must(Act.MANAGE_USERS)
    return stored.invites(table, by.organization, now)


def invite(table: Table, by: User, email: str, role: str, now: int) -> str:
    """Return the secret of a link for somebody who is to become a user in this role.

    Errors: `Forbidden`, `Invalid`, `Conflict` (code `user_exists`).
    """
    chosen = role_of(role)
    by.must_manage(chosen)
    if stored.address_of(table, user_links.checked_email(email)) is not None:
        raise Conflict("There is a user with this e-mail already", "user_exists")
    return user_links.make(
        table, by.organization, user_links.checked_email(email), chosen, by=by.actor, now=now
    )


def invite_back(table: Table, by: User, user_id: str, now: int) -> str:
    """Return the secret of a link for a user who needs a new password.

    Errors: `Forbidden`, also to admins for another one, `UserNotFound`, `Conflict` for one that is
    disabled.
    """
    user = _managed(table, by, user_id)
    if not by.may_let_back(user.role):
        raise Forbidden(
            "Only owners make links for new passwords of admins and owners", "role_not_sufficient"
        )
    if user.disabled:
        raise Conflict("This user is disabled", "user_disabled")
    return user_links.make(
        table, user.organization, user.email, user.role, by=by.actor, now=now, user_id=user.id
    )


def withdraw(table: Table, by: User, invite_id: str, now: int) -> None:
    """Let a link work no more; nothing happens if it does not. Errors: `Forbidden`."""
    by.must(Act.MANAGE_USERS)
    known = _INVITE.fullmatch(invite_id)
    link = stored.invite(table, by.organization, invite_id, now) if known else None
    if link is None:
        return
    by.must_manage(link.role)
    try:
        table.transact([stored.withdrawn(link), line(Deed.WITHDREW, by.actor, link, now)])
    except ConditionFailed:
        return
    except Contention:
        raise busy() from None


def invited(table: Table, token: str, now: int) -> Invite:
    """Return what a link is for, without using it. Errors: `InviteNotFound`."""
    organization, _, secret = token.partition(".")
    if not _ORGANIZATION.fullmatch(organization) or not secret:
        raise InviteNotFound
    found = stored.invite(table, organization, user_links.digest(secret), now)
    if found is None or not _stands(table, found):
        raise InviteNotFound
    return found


def accept(table: Table, token: str, name: str, password: str, now: int) -> User:
    """Use a link up: become a user, or set a new password, which ends all sessions.

    `name` is that of a new user; one who gets a new password keeps the name. Errors:
    `InviteNotFound`, `Invalid` for a name or password, `Conflict` (code `user_exists`).
    """
    link = invited(table, token, now)
    if link.user_id is not None:
        return _set_password(table, link, password, now)
    user = User(
        id=ids.new("usr_", now),
        organization=link.organization,
        email=link.email,
        name=checked_name(name),
        role=link.role,
        created_at=now,
    )
    digest = passwords.digest(checked_password(password, link.email, user.name))
    try:
        joined = line(Deed.JOINED, user.actor, user, now)
        table.transact([stored.used(link, now), *stored.new(user, digest), joined])
    except ConditionFailed as refused:
        if refused.position == 0:
            raise InviteNotFound from None
        raise Conflict("There is a user with this e-mail already", "user_exists") from None
    except Contention:
        raise busy() from None
    return user


def change_role(table: Table, by: User, user_id: str, role: str, now: int) -> User:
    """Give a user another role, which holds from the next request on.

    Errors: `Forbidden` (also for oneself), `UserNotFound`, `Invalid`, `Conflict`.
    """
    user, chosen = _managed(table, by, user_id), role_of(role)
    by.must_manage(chosen)
    told = line(Deed.CHANGED_ROLE, by.actor, replace(user, role=chosen), now, str(user.role))
    return _change(table, user, replace(user, role=chosen), told)


def disable(table: Table, by: User, user_id: str, now: int) -> User:
    """Let a user sign in no more, and end all sessions. Errors: as `change_role`."""
    user = _managed(table, by, user_id)
    if user.disabled:
        return user
    after = replace(user, disabled=True, generation=user.generation + 1)
    return _change(table, user, after, line(Deed.DISABLED, by.actor, user, now))


def enable(table: Table, by: User, user_id: str, now: int) -> User:
    """Let a disabled user sign in again. Errors: as `change_role`."""
    user = _managed(table, by, user_id)
    told = line(Deed.ENABLED, by.actor, user, now)
    return _change(table, user, replace(user, disabled=False), told)


def end_sessions(table: Table, by: User, user_id: str, now: int) -> User:
    """End all sessions of a user, or all of one's own. Errors: as `change_role`."""
    user = _found(table, by, user_id) if user_id == by.id else _managed(table, by, user_id)
    told = line(Deed.ENDED_SESSIONS, by.actor, user, now)
    return _change(table, user, replace(user, generation=user.generation + 1), told)


def role_of(text: str) -> Role:
    """Return the role with this name. Errors: `Invalid`."""
    if text not in set(Role):
        raise Invalid(f"role must be one of {', '.join(Role)}", "invalid_role")
    return Role(text)


def _set_password(table: Table, link: Invite, password: str, now: int) -> User:
    account = stored.get(table, link.organization, str(link.user_id))
    # Whoever was given a role since is not let in by those who could not give it.
    if account is None or account.user.disabled or account.user.role is not link.role:
        raise InviteNotFound
    user = account.user
    digest = passwords.digest(checked_password(password, user.email, user.name))
    after = replace(user, generation=user.generation + 1)
    try:
        table.transact(
            [
                stored.used(link, now),
                stored.new_password(user, digest, after.generation),
                line(Deed.SET_PASSWORD, user.actor, user, now),
            ]
        )
    except ConditionFailed as refused:
        raise (InviteNotFound() if refused.position == 0 else busy()) from None
    except Contention:
        raise busy() from None
    return after


def _stands(table: Table, link: Invite) -> bool:
    """Whether who made a link may still let somebody in; who operates Orchard always may."""
    if not link.by.startswith(_BY_USER):
        return True
    address = stored.address_of(table, link.by.removeprefix(_BY_USER))
    account = None if address is None else stored.get(table, *address)
    if account is None or account.user.disabled:
        return False
    by = account.user
    return by.may_manage(link.role) if link.user_id is None else by.may_let_back(link.role)


def _found(table: Table, by: User, user_id: str) -> User:
    # A longer id than any that was given can't even be looked for.
    account = stored.get(table, by.organization, user_id) if _USER.fullmatch(user_id) else None
    if account is None:
        raise UserNotFound
    return account.user


def _managed(table: Table, by: User, user_id: str) -> User:
    by.must(Act.MANAGE_USERS)
    user = _found(table, by, user_id)
    by.must_manage(user.role)
    if user.id == by.id:
        raise Forbidden("Somebody else has to do this for you", "not_for_oneself")
    return user


def _change(table: Table, old: User, new: User, told: Put) -> User:
    """Change a user who is not as wanted already: sent twice, it is done and told once."""
    if new == old:
        return old
    try:
        table.transact([*stored.changed(old, new), told])
    except ConditionFailed as refused:
        if refused.position:
            raise Conflict("An organisation keeps one owner at least", "last_owner") from None
        raise busy() from None
    except Contention:
        raise busy() from None
    return new


def busy() -> Conflict:
    """Return what is raised when two people change a user at the same time."""
    return Conflict("Somebody else changed this user just now. Look again", "user_changed")
