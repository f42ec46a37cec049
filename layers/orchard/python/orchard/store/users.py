"""Dashboard users in the table, and the links that invite them.

A user is one item among those of its organisation, found by e-mail through a pointer. How many
owners can sign in is counted in the same transactions, so that the last one stays.
"""

from itertools import islice
from typing import NamedTuple

from orchard.domain.users import Invite, Role, User
from orchard.store import user_keys as keys
from orchard.store.key_forms import Key
from orchard.store.statements import Delete, Item, Put, Query, Update, Write
from orchard.store.table import Table

#: More users than this are not shown: an organisation has tens.
MOST = 1000


class Account(NamedTuple):
    """A user, and the digest of the password, which leaves the store for no other use."""

    user: User
    password: str


def address_of(table: Table, email: str) -> tuple[str, str] | None:
    """Return the organisation and the id of the user with this e-mail."""
    item = table.get(keys.user_address(email))
    return None if item is None else (item["organization"], item["user_id"])


def get(table: Table, organization: str, user_id: str) -> Account | None:
    """Return a user of an organisation."""
    item = table.get(keys.user(organization, user_id))
    return None if item is None else load(item)


def load(item: Item) -> Account:
    """Return what an item holds."""
    user = User(
        id=item["user_id"],
        organization=item["organization"],
        email=item["email"],
        name=item["name"],
        role=Role(item["role"]),
        created_at=int(item["created_at"]),
        disabled=item["disabled"],
        generation=int(item["generation"]),
        seen_at=int(item["seen_at"]) if "seen_at" in item else None,
    )
    return Account(user, item["password"])


def of(table: Table, organization: str) -> list[User]:
    """Return the users of an organisation, the oldest first."""
    return [load(item).user for item in _like(table, keys.user(organization, ""))]


def new(user: User, password: str) -> list[Write]:
    """Return the writes that make a user: it, its pointer, and for an owner the count.

    The first is refused if the id is taken, the second if the e-mail is.
    """
    place, pointer = keys.user(user.organization, user.id), keys.user_address(user.email)
    item: Item = {
        "pk": place.pk,
        "sk": place.sk,
        "user_id": user.id,
        "organization": user.organization,
        "email": user.email,
        "name": user.name,
        "role": str(user.role),
        "created_at": user.created_at,
        "disabled": user.disabled,
        "generation": user.generation,
        "password": password,
    }
    known = {"organization": user.organization, "user_id": user.id}
    return [
        Put(item, "attribute_not_exists(pk)"),
        Put({"pk": pointer.pk, "sk": pointer.sk, **known}, "attribute_not_exists(pk)"),
        *_counting(user.organization, 1 if _counts(user) else 0),
    ]


def changed(old: User, new: User) -> list[Write]:
    """Return the writes that change the name, role or state of a user as it was read.

    The first is refused if it is not as it was any more, the second if no owner would be left.
    """
    values = {
        ":name": new.name,
        ":role": str(new.role),
        ":disabled": new.disabled,
        ":generation": new.generation,
        ":old_role": str(old.role),
        ":old_disabled": old.disabled,
        ":old_generation": old.generation,
    }
    update = Update(
        keys.user(old.organization, old.id),
        "SET #name = :name, #role = :role, disabled = :disabled, generation = :generation",
        values,
        "#role = :old_role AND disabled = :old_disabled AND generation = :old_generation",
        {"#name": "name", "#role": "role"},
    )
    return [update, *_counting(old.organization, _counts(new) - _counts(old))]


def new_password(user: User, password: str, generation: int) -> Update:
    """Return the write of another password; refused if the user is not as it was any more."""
    values = {
        ":password": password,
        ":generation": generation,
        ":old": user.generation,
        ":disabled": False,
    }
    return Update(
        keys.user(user.organization, user.id),
        "SET password = :password, generation = :generation",
        values,
        "generation = :old AND disabled = :disabled",
    )


def seen(user: User, now: int) -> Update:
    """Return the write that notes when a user was last seen."""
    place = keys.user(user.organization, user.id)
    return Update(place, "SET seen_at = :now", {":now": now}, "attribute_exists(pk)")


def put_invite(invite: Invite) -> Put:
    """Return the write of a link that invites somebody."""
    place = keys.invite(invite.organization, invite.id)
    item: Item = {
        **invite._asdict(),
        "pk": place.pk,
        "sk": place.sk,
        "role": str(invite.role),
        "ttl": invite.expires_at // 1000 + 1,
    }
    return Put(item, "attribute_not_exists(pk)")


def used(invite: Invite, now: int) -> Delete:
    """Return the write that uses a link up; refused if somebody did, or its time is over."""
    place = keys.invite(invite.organization, invite.id)
    return Delete(place, "expires_at > :now", {":now": now})


def withdrawn(invite: Invite) -> Delete:
    """Return the write that removes a link; refused if it is not there any more."""
    return Delete(keys.invite(invite.organization, invite.id), "attribute_exists(pk)")


def invite(table: Table, organization: str, invite_id: str, now: int) -> Invite | None:
    """Return a link that can still be used."""
    item = table.get(keys.invite(organization, invite_id))
    return None if item is None or item["expires_at"] <= now else _invite(item)


def invites(table: Table, organization: str, now: int) -> list[Invite]:
    """Return all links that can still be used, the oldest first."""
    found = map(_invite, _like(table, keys.invite(organization, "")))
    return sorted((one for one in found if one.expires_at > now), key=lambda one: one.created_at)


def _invite(item: Item) -> Invite:
    return Invite(
        id=item["id"],
        organization=item["organization"],
        email=item["email"],
        role=Role(item["role"]),
        by=item["by"],
        created_at=int(item["created_at"]),
        expires_at=int(item["expires_at"]),
        user_id=item["user_id"],
    )


def _like(table: Table, start: Key) -> list[Item]:
    condition = "pk = :pk AND begins_with(sk, :sk)"
    query = Query(condition, {":pk": start.pk, ":sk": start.sk}, page=MOST)
    return list(islice(table.query(query), MOST))


def _counts(user: User) -> int:
    return int(user.role is Role.OWNER and not user.disabled)


def _counting(organization: str, more: int) -> list[Write]:
    place: Key = keys.owners(organization)
    if more > 0:
        return [Update(place, "ADD owners :more", {":more": more})]
    if more < 0:
        values = {":more": more, ":one": 1}
        return [Update(place, "ADD owners :more", values, "owners > :one")]
    return []
