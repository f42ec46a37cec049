"""The settings of the dashboard: what people in support may grant without asking."""

from orchard.domain.quantity import LARGEST, exact
from orchard.domain.support_caps import Caps
from orchard.domain.users import Act, User
from orchard.errors import Conflict, Invalid, InvalidInputs
from orchard.store import catalog
from orchard.store import support_caps as stored
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Contention
from orchard.store.support_caps import Kept

#: More features than this can't have a cap of their own.
MOST = 40


def caps(session: Session, user: User) -> Kept:
    """Return the caps, and who changed them last. Errors: `Forbidden`."""
    user.must(Act.CONFIGURE)
    return stored.get(session)


def change(session: Session, user: User, wanted: Caps, seen: int) -> None:
    """Set other caps, if nobody did since the version `seen`.

    Errors: `Forbidden`, `Invalid`, `FeatureNotFound`, `Conflict` (code `settings_changed`).
    """
    user.must(Act.CONFIGURE)
    _check(wanted)
    # A feature that is gone may keep its cap; a new one has to be there.
    for feature_id in wanted.by_feature.keys() - stored.get(session).caps.by_feature.keys():
        catalog.feature(session, feature_id)
    try:
        session.commit(stored.put(session, wanted, seen))
    except (ConditionFailed, Contention):
        message = "Somebody else changed the settings just now. Look at them again, then save"
        raise Conflict(message, "settings_changed") from None


def _check(wanted: Caps) -> None:
    if len(wanted.by_feature) > MOST:
        raise Invalid(f"At most {MOST} features can have a cap of their own")
    for name, cap in (("default", wanted.default), *wanted.by_feature.items()):
        if not 0 <= cap <= LARGEST or cap != exact(cap):
            raise InvalidInputs(f"{name}: must be a number of units from 0 to {LARGEST:f}")
