"""The balances that a use of some features rests on, read together."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from orchard.domain.holding import Holding, Place
from orchard.domain.scope import CUSTOMER, Subject
from orchard.errors import EntityNotFound
from orchard.store import balances, customers, keys, stored
from orchard.store.customers import Account
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Item
from orchard.store.stored import Owner, Stored


class Ground(NamedTuple):
    """Who uses, whose the balances are, and those balances that exist."""

    hot_id: str
    owner: Owner
    subject: Subject
    balances: Mapping[Place, Stored]

    def state(self, now: int) -> dict[Place, Holding]:
        """What the balances hold at `now`."""
        return {place: one.current(now) for place, one in self.balances.items()}

    def version(self, feature_id: str) -> int:
        """A number that every write to a balance of the feature advances."""
        return stored.version(self.balances.values(), feature_id, self.subject)


def load(
    session: Session,
    customer_id: str,
    entity_id: str | None,
    feature_ids: Iterable[str],
    given: Item | None = None,
) -> Ground:
    """Return the balances of the features, for the customer or for one of its entities.

    `given` is an item that was just read. One request, and one more for each feature of which
    other entities' balances matter. Errors: 404 for an unknown customer or entity.
    """
    features = tuple(feature_ids)
    if entity_id is None:
        ground = _of_customer(session, customer_id, features, given)
    else:
        ground = _of_entity(session, customer_id, entity_id, features)
    if ground is None:
        known = customers.locate(session, customer_id)
        if known.hot_id != customer_id:
            return load(session, known.hot_id, entity_id, features)
        return Ground(known.hot_id, customers.owner_of(known), CUSTOMER, {})
    return with_entities(session, ground)


def of_account(account: Account, entity_id: str | None, feature_id: str) -> Ground:
    """Return the ground that a whole account holds for one feature. Errors: `EntityNotFound`."""
    owner, subject = customers.owner_of(account.customer), CUSTOMER
    if entity_id is not None:
        entity = next((one for one in account.entities if one.id == entity_id), None)
        if entity is None:
            raise EntityNotFound(entity_id)
        pooled = not account.customer.config.get("disable_pooled_balance", False)
        owner = owner._replace(entity_internal_id=entity.internal_id)
        subject = Subject(entity_id, pooled)
    found = (one for one in account.balances if one.feature_id == feature_id)
    return Ground(owner.hot_id, owner, subject, {one.place: one for one in found})


def with_entities(session: Session, ground: Ground) -> Ground:
    """Return the ground with the balances of all entities, where those matter.

    They do to a customer, which can use slices and sees what its entities have, and to a limit on
    the overage of all entities together.
    """
    found = dict(ground.balances)
    for place, one in ground.balances.items():
        if place.entity_id is None and one.holding.spread and _matter(ground, one):
            others = balances.of_entities(session, ground.hot_id, place.feature_id)
            found |= {other.place: other for other in others if _is_of(other, one.owner)}
    return ground._replace(balances=found)


def _matter(ground: Ground, shared: Stored) -> bool:
    return ground.subject.entity_id is None or shared.holding.controls.spend_cap is not None


def _of_customer(
    session: Session, hot_id: str, features: tuple[str, ...], given: Item | None
) -> Ground | None:
    wanted = [balances.key_of(session, hot_id, Place(name)) for name in features]
    # What a refused transaction brought along may be anything that it was to write.
    items = [] if given is None else [given]
    items = [item for item in items if Key(item["pk"], item["sk"]) in wanted]
    known = {item["sk"] for item in items}
    missing = [key for key in wanted if key.sk not in known]
    if len(missing) == 1:
        item = session.table.get(missing[0])
        items += [] if item is None else [item]
    elif missing:
        items += session.table.batch_get(missing).values()
    found = [stored.load(item) for item in items]
    if not found:
        return None
    return Ground(hot_id, found[0].owner, CUSTOMER, _by_feature(found, features))


def _of_entity(
    session: Session, hot_id: str, entity_id: str, features: tuple[str, ...]
) -> Ground | None:
    customer_key = keys.customer(session.tenant, hot_id)
    entity_key = keys.entity(session.tenant, hot_id, entity_id)
    places = [Place(name, who) for name in features for who in (entity_id, None)]
    wanted = [balances.key_of(session, hot_id, place) for place in places]
    items = session.table.batch_get([customer_key, entity_key, *wanted])
    if customer_key not in items:
        return None
    owner = items[customer_key]
    entity = items.get(entity_key)
    if entity is None or entity["internal_id"] != owner["internal_id"]:
        raise EntityNotFound(entity_id)
    pooled = not owner["config"].get("disable_pooled_balance", False)
    mine = Owner(hot_id, owner["internal_id"], entity["entity_internal_id"])
    found = [stored.load(items[key]) for key in wanted if key in items]
    return Ground(
        hot_id,
        mine,
        Subject(entity_id, pooled),
        _by_feature([one for one in found if _is_of(one, mine)], features),
    )


def _by_feature(found: list[Stored], features: tuple[str, ...]) -> dict[Place, Stored]:
    rank = {name: position for position, name in enumerate(features)}
    ordered = sorted(found, key=lambda one: (rank[one.feature_id], one.place.entity_id is None))
    return {one.place: one for one in ordered}


def _is_of(one: Stored, owner: Owner) -> bool:
    """Whether a balance belongs to this customer, and to this entity if it is an entity's."""
    return one.internal_id == owner.internal_id and (
        owner.entity_internal_id is None
        or one.owner.entity_internal_id in (None, owner.entity_internal_id)
    )
