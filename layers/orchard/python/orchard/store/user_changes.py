"""What was done to dashboard users: a line for each change, which nothing changes or removes."""

from itertools import islice

from orchard.domain.user_changes import Deed, UserChange, Whom
from orchard.store import user_keys
from orchard.store.statements import Item, Put, Query
from orchard.store.table import Table


def line(change: UserChange) -> Put:
    """Return the write of a line; it belongs into the transaction of what it tells."""
    place = user_keys.user_change(change.whom.organization, change.at, change.id)
    item: Item = {
        **change._asdict(),
        "whom": change.whom._asdict(),
        "deed": str(change.deed),
        "pk": place.pk,
        "sk": place.sk,
    }
    return Put(item)


def of(
    table: Table, organization: str, before: tuple[int, str] | None, most: int
) -> list[UserChange]:
    """Return the latest changes, at most so many; those before a time and an id if given."""
    first = user_keys.user_changes(organization)
    values = {":pk": first.pk, ":sk": first.sk}
    start = None if before is None else user_keys.user_change(organization, *before)._asdict()
    query = Query(
        "pk = :pk AND begins_with(sk, :sk)", values, forward=False, start=start, page=most
    )
    return list(map(_load, islice(table.query(query), most)))


def _load(item: Item) -> UserChange:
    return UserChange(
        id=item["id"],
        at=int(item["at"]),
        by=item["by"],
        deed=Deed(item["deed"]),
        whom=Whom(**item["whom"]),
        role_before=item["role_before"],
        role=item["role"],
    )
