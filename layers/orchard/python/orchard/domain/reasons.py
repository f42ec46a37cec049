"""An explanation in a sentence of plain English, for support staff and logs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from orchard.domain.basis import Basis, Explanation, Payer, Window
from orchard.domain.decision import INCLUDED, MAX_PURCHASE, SPEND_LIMIT, USAGE_LIMIT
from orchard.domain.ledger import UsageEvent
from orchard.domain.quantity import ZERO, exact, total


def of_question(explained: Explanation) -> str:
    """Return why a use was or would be allowed, or what stood against it."""
    if explained.allowed:
        return f"Allowed: {_favour(explained)}.{_less(explained)}"
    return f"Denied: {_obstacle(explained.basis)}.{_together(explained)}"


def of_event(event: UsageEvent, basis: Basis | None) -> str:
    """Return what a recorded use took, and what kept the rest of it from being taken.

    Without a basis only what was deducted is known.
    """
    if basis is None:
        return _part(event)
    value, name = event.value, event.name
    placed = exact(abs(value) - basis.not_covered)
    verb = "given back" if value < 0 else "deducted"
    taken = f"{_number(placed)} of {name} was {verb}{_sources(basis, back=value < 0)}"
    if not event.deductions and not basis.not_covered:
        return f"{_number(value)} of {name} was recorded, and nothing had to be deducted."
    if not basis.not_covered:
        return f"Done in full: {taken}."
    if value < 0:
        return f"Of {_number(-value)} to give back, {taken}: no more had been used."
    if not placed:
        return f"Nothing was deducted of {_number(value)} {name}: {_obstacle(basis)}."
    return f"Of {_number(value)} asked for, {taken}: {_obstacle(basis)}."


def of_key(key: str, sent_as: str, time: int, until: int, made: str | None) -> str:
    """Return by what an idempotency key was used, and what became of repetitions."""
    by = f", for {made}" if made else ""
    return (
        f"{key} was sent in the {sent_as} at {at(time)}{by}; repetitions until {at(until)} are "
        "answered 409 and change nothing."
    )


def at(time: int) -> str:
    """Return a time as people and programs read it, UTC; what is out of range as a number."""
    try:
        moment = datetime.fromtimestamp(time / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(time)
    return moment.isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")


def _part(event: UsageEvent) -> str:
    paid: dict[str, Decimal] = {}
    for one in event.deductions or ():
        paid[one["feature_id"]] = paid.get(one["feature_id"], ZERO) + one["value"]
    amounts = " and ".join(f"{_number(value)} {name}" for name, value in paid.items())
    return (
        f"{_number(event.value)} of {event.name} was recorded, {amounts or 'nothing'} was "
        "deducted; what else was considered is not written down of uses like this."
    )


def _favour(explained: Explanation) -> str:
    basis, payer = explained.basis, _answering(explained.basis)
    own = [one for one in basis.sources if one.feature_id == payer.feature_id]
    if any(one.boolean for one in own):
        return f"{payer.feature_id} is switched on"
    if any(one.unlimited for one in own):
        return f"{payer.feature_id} is unlimited"
    if payer.required < 0:
        return "giving back is never refused"
    asked = f"{_asked(payer)}, {_number(payer.remaining)} left"
    if payer.required <= payer.remaining:
        return asked
    more = "any amount" if payer.beyond is None else f"{_number(payer.beyond)} more"
    return f"{asked}, and {more} may be used beyond that"


def _less(explained: Explanation) -> str:
    """A check looks at sums; what single sources sell may come to less."""
    basis = explained.basis
    if not basis.not_covered:
        return ""
    if explained.required < 0:
        placed = exact(-explained.required - basis.not_covered)
        return f" A track would give back {_number(placed)}: no more was used."
    placed = exact(explained.required - basis.not_covered)
    return f" A track would take {_number(placed)} of it: {_obstacle(basis)}."


def _together(explained: Explanation) -> str:
    """A check asks each balance whether it suffices alone; a track takes from all of them."""
    basis = explained.basis
    if basis.not_covered or sum(one.held for one in basis.payers) < 2:
        return ""
    return " No balance suffices alone; a track would take it from several."


def _obstacle(basis: Basis) -> str:
    if not basis.payers:
        return "what stood against the rest was not written down"
    payer = _answering(basis)
    asked = f"{_asked(payer)}, {_number(payer.remaining)} left"
    if not any(one.held for one in basis.payers):
        others = ", nor of credits that pay for it" if len(basis.payers) > 1 else ""
        return f"there is no balance of {basis.payers[0].feature_id}{others}"
    if basis.limit == USAGE_LIMIT:
        return _window(basis, payer)
    if basis.limit == SPEND_LIMIT:
        allowed = payer.spend_left or ZERO
        return f"{asked}, and the spend limit allows {_number(max(ZERO, allowed))} beyond that"
    if basis.limit == MAX_PURCHASE:
        return f"{asked}, and {_number(_for_sale(basis, payer))} may be bought beyond that"
    off = " since overage is switched off" if payer.overage_allowed is False else ""
    closed = "nothing may be used beyond that" if basis.limit == INCLUDED else "it must fit whole"
    return f"{asked}, and {closed}{off}"


def _for_sale(basis: Basis, payer: Payer) -> Decimal:
    """What the sources still sell; a spend limit may allow more than there is for sale."""
    sold = total(one.overage or ZERO for one in basis.sources if one.feature_id == payer.feature_id)
    return sold if payer.beyond is None else min(sold, payer.beyond)


def _window(basis: Basis, payer: Payer) -> str:
    """The usage limit that leaves least, of the feature that answers or of the one it pays for."""
    found = [(one, whose) for one, whose in _windows(basis, payer) if one.enabled and one.applies]
    if not found:
        return f"a usage limit of {payer.feature_id} is used up"
    limit, whose = min(found, key=lambda pair: pair[0].left)
    return (
        f"the usage limit of {_number(limit.limit)} {whose.feature_id} a {limit.interval} leaves "
        f"{_number(limit.left)} until {at(limit.resets_at)}, {_asked(whose)}"
    )


def _windows(basis: Basis, payer: Payer) -> Iterator[tuple[Window, Payer]]:
    for one in dict.fromkeys((basis.payers[0].feature_id, payer.feature_id)):
        for known in basis.payers:
            if known.feature_id == one:
                yield from ((limit, known) for limit in known.windows)


def _answering(basis: Basis) -> Payer:
    named = (one for one in basis.payers if one.feature_id == basis.answering)
    return next(named, basis.payers[0] if basis.payers else Payer(basis.answering or "", ZERO))


def _asked(payer: Payer) -> str:
    return f"{_number(payer.required)} of {payer.feature_id} needed"


def _sources(basis: Basis, *, back: bool) -> str:
    paid = [one for one in basis.sources if one.gives]
    if not paid:
        return ""
    credit = {one.feature_id: ZERO for one in paid if one.cost != 1}
    for name in credit:
        credit[name] = total(one.gives for one in paid if one.feature_id == name)
    way = "to" if back else "from"
    among = f"{way} 1 source" if len(paid) == 1 else f"{way} {len(paid)} sources"
    drawn = "".join(f"; {_number(abs(units))} of {name}" for name, units in credit.items())
    return f" ({among}{drawn})"


def _number(value: Decimal) -> str:
    return f"{exact(value):f}"
