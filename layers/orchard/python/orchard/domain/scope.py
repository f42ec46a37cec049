"""Who uses a feature, and the rows that are theirs to use."""

from collections.abc import Iterator
from typing import NamedTuple

from orchard.domain.holding import NOTHING, Place, State
from orchard.domain.row import Row


class Subject(NamedTuple):
    """The customer, or one of its entities. `pooled`: it shares the customer's rows."""

    entity_id: str | None = None
    pooled: bool = True


CUSTOMER = Subject()


def rows(state: State, subject: Subject, feature_id: str) -> Iterator[tuple[Place, Row]]:
    """Yield the rows of one feature that a subject can use, and where each lies.

    A customer can use its own rows and all slices of rows granted for each entity, but not what
    belongs to one entity alone; an entity what is its own and, if pooled, the customer's rows.
    """
    shared, entity_id = Place(feature_id), subject.entity_id
    if entity_id is not None:
        own = Place(feature_id, entity_id)
        yield from ((own, row) for row in state.get(own, NOTHING).rows)
    if subject.pooled:
        yield from ((shared, row) for row in state.get(shared, NOTHING).own)
    if entity_id is None:
        for place, holding in state.items():
            if place.feature_id == feature_id and place.entity_id is not None:
                yield from ((place, row) for row in holding.rows if row.entity_feature_id)
