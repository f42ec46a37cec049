"""Signing in to the dashboard: sessions, which the browser knows only by a secret of theirs.

A session id is `<organisation>.<user id>.<256 random bits>`. Of the random part the table keeps the
SHA-256, beside the user: who is signed in, and as what, is known after one request. A session is
over when it was not used for 12 hours, after 7 days, when the user is disabled, gets another
password, or ends all of them.
"""

import hashlib
import re
import secrets
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from orchard.domain.users import LONGEST_EMAIL, SESSION_MS, User, is_possible_password, normal_email
from orchard.errors import Invalid, NotSignedIn, TooManyRequests, Unauthorized
from orchard.gateways import passwords
from orchard.store import dashboard_sessions as sessions
from orchard.store import users
from orchard.store.dashboard_sessions import Kept, Place
from orchard.store.statements import ConditionFailed, Contention
from orchard.store.table import Table
from orchard.store.users import Account

ENVIRONMENTS = ("sandbox", "live")
#: In a quarter of an hour so often for one e-mail from one network address.
MOST_TRIES = 10
#: For one e-mail from anywhere, and from one network address for any e-mail.
MOST_TRIES_OF_EMAIL, MOST_TRIES_OF_ADDRESS = 100, 300
_SECRET_BYTES = 32
_SESSION_ID = re.compile(r"([a-z0-9_-]{1,40})\.(usr_\w{27})\.([\w-]{43})", re.ASCII)
_NOBODY = ("org", "nobody")


class Signed(NamedTuple):
    """A session that has begun; its id is the value of the cookie."""

    session_id: str
    user: User


class Current(NamedTuple):
    """Who is signed in, where, and until when if no further request comes (UTC milliseconds)."""

    user: User
    environment: str
    expires_at: int

    @property
    def tenant(self) -> str:
        """The tenant that is looked at."""
        return f"{self.user.organization}/{self.environment}"


class Over(StrEnum):
    """Why a session that there was opens nothing any more."""

    #: Nobody used it for 12 hours.
    IDLE = "idle"
    #: It had its 7 days.
    OLD = "old"
    #: It was ended with others: somebody signed out everywhere, or there is a new password.
    ENDED = "ended"
    DISABLED = "disabled"
    #: Nothing is known of it, or not any more.
    GONE = "gone"


class Own(NamedTuple):
    """A session of one's own; `is_this` is the one at hand. Times are UTC milliseconds."""

    is_this: bool
    environment: str
    created_at: int
    seen_at: int
    expires_at: int


def sign_in(table: Table, email: str, password: str, address: str, now: int) -> Signed:
    """Begin a session for the user with this e-mail and password.

    `address` is the network address that the request came from.

    Errors: `NotSignedIn` whatever was wrong, `TooManyRequests` with the seconds to wait.
    """
    name = normal_email(email)[:LONGEST_EMAIL]
    _admit(table, name, address, now)
    account = _account(table, name)
    fits = passwords.matches(
        password if is_possible_password(password) else "", account and account.password
    )
    if account is None or not fits or account.user.disabled:
        raise NotSignedIn
    sessions.forgive(table, _both(name, address), now)
    _renew(table, account, password)
    return start(table, account.user, now)


def start(table: Table, user: User, now: int, environment: str = ENVIRONMENTS[0]) -> Signed:
    """Begin a session for a user who proved to be it just now, as by accepting an invite."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    place = Place(user.organization, user.id, _digest(secret))
    sessions.begin(table, place, user.generation, environment, now)
    _seen(table, user, now)
    return Signed(f"{user.organization}.{user.id}.{secret}", user)


def current(table: Table, session_id: str, now: int) -> Current | None:
    """Return who is signed in with this session; None for nobody. One request, seldom three."""
    found = state(table, session_id, now)
    return found if isinstance(found, Current) else None


def state(table: Table, session_id: str, now: int) -> Current | Over:
    """Return who is signed in with this session, or why nobody is. As many requests."""
    place = _place(session_id)
    found = None if place is None else sessions.read(table, place)
    if place is None or found is None:
        return Over.GONE
    kept, user = found
    over = _over(kept, user, now)
    if over is not None:
        return over
    if sessions.is_to_be_seen(kept, now):
        kept = kept._replace(seen_at=now)
        if not sessions.seen(table, place, now):
            return Over.GONE
        _seen(table, user, now)
    return Current(user, kept.environment, kept.expires_at)


def own_sessions(table: Table, user: User, session_id: str, now: int) -> list[Own]:
    """Return the sessions of a user that can still be used: this one, then the latest used."""
    place = _place(session_id)
    shown = [
        Own(
            place is not None and place.digest == digest,
            *(kept.environment, kept.created_at, kept.seen_at, kept.expires_at),
        )
        for digest, kept in sessions.of(table, user).items()
        if _over(kept, user, now) is None
    ]
    return sorted(shown, key=lambda one: (not one.is_this, -one.seen_at))


def choose_environment(table: Table, session_id: str, environment: str, now: int) -> Current:
    """Go on in `sandbox` or `live`.

    Errors: `Invalid` for another environment, `Unauthorized` when the session is over.
    """
    if environment not in ENVIRONMENTS:
        raise Invalid(f"environment must be one of {', '.join(ENVIRONMENTS)}")
    signed, place = current(table, session_id, now), _place(session_id)
    if signed is None or place is None or not sessions.choose(table, place, environment):
        raise Unauthorized("Your session is over. Sign in again", "session_over")
    return signed._replace(environment=environment)


def sign_out(table: Table, session_id: str) -> None:
    """End a session; nothing happens if there is none."""
    place = _place(session_id)
    if place is not None:
        sessions.end(table, place)


def count(table: Table, name: str, most: int, now: int) -> None:
    """Count an attempt before any work is done for it, so that many at once don't slip through.

    Errors: `TooManyRequests` for more than `most` in a quarter of an hour.
    """
    tries, until = sessions.tried(table, name, now)
    if tries > most:
        raise TooManyRequests(-(-(until - now) // 1000))


def _admit(table: Table, email: str, address: str, now: int) -> None:
    # What is refused counts no further: one address alone can't use up the tries of an e-mail.
    count(table, _both(email, address), MOST_TRIES, now)
    count(table, f"address {_network(address)}", MOST_TRIES_OF_ADDRESS, now)
    count(table, f"email {email}", MOST_TRIES_OF_EMAIL, now)


def _both(email: str, address: str) -> str:
    return f"both {_network(address)} {email}"


def _network(address: str) -> str:
    """Return what counts as one address: of IPv6 the /64, all of which one line may use."""
    try:
        known = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(known, IPv4Address):
        return str(known)
    return str(known.ipv4_mapped or IPv6Address(int(known) >> 64 << 64))


def _account(table: Table, name: str) -> Account | None:
    """Find a user by e-mail, with as many requests for one that does not exist."""
    address = users.address_of(table, name)
    return users.get(table, *(address or _NOBODY))


def _renew(table: Table, account: Account, password: str) -> None:
    """Store the password anew if its digest was made with the parameters of former times."""
    if not passwords.is_outdated(account.password):
        return
    user = account.user
    try:
        table.update(users.new_password(user, passwords.digest(password), user.generation))
    except ConditionFailed:
        # Whoever changed the user just now ended this session, too: it is seen at the next request.
        return


def _over(kept: Kept, user: User, now: int) -> Over | None:
    """Why a session is over; None while it goes on."""
    reasons = (
        (user.disabled, Over.DISABLED),
        (kept.generation != user.generation, Over.ENDED),
        (kept.created_at + SESSION_MS <= now, Over.OLD),
        (kept.expires_at <= now, Over.IDLE),
    )
    return next((over for holds, over in reasons if holds), None)


def _seen(table: Table, user: User, now: int) -> None:
    try:
        table.update(users.seen(user, now))
    except (ConditionFailed, Contention):
        # Whoever changes the user at this moment does not have to wait for a time that is shown.
        return


def _place(session_id: str) -> Place | None:
    parts = _SESSION_ID.fullmatch(session_id)
    return None if parts is None else Place(parts[1], parts[2], _digest(parts[3]))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
