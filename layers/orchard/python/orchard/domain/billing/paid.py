"""What invoices were paid for: no credit gives back more than that.

A line pays evenly for its period, so some of it is for the time that is left. A line that credits
the rest of a period takes as much away.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from orchard.domain import money
from orchard.domain.billing.discounts import shares
from orchard.domain.billing.lines import REFUND, LineItem
from orchard.domain.quantity import total

type _Lines = tuple[LineItem, ...]


class Line(NamedTuple):
    """A line of an invoice: `amount` after discounts, in major units, for a time in UTC ms.

    What it is for is told by the product, or by our notes: a plan, and one of its features.
    """

    amount: Decimal
    start: int
    end: int
    product: str | None = None
    plan_id: str | None = None
    feature_id: str | None = None
    customer_plan_id: str | None = None

    def worth(self, at: int) -> Fraction:
        """Return what of the amount is for the time from then on."""
        left = self.end - max(at, self.start)
        return Fraction(self.amount) * left / (self.end - self.start) if left > 0 else Fraction(0)


class Billed(NamedTuple):
    """An invoice; `is_manual` one that no subscription made by itself."""

    id: str
    total: Decimal
    lines: tuple[Line, ...]
    is_paid: bool = True
    is_manual: bool = False

    def counts(self, held: Collection[str]) -> bool:
        """Whether it is paid, or will be: of our own invoices, if what they are for is held."""
        wanted = (line.customer_plan_id for line in self.lines if line.amount > 0)
        return self.is_paid or not self.is_manual or any(one in held for one in wanted)

    def without(self, refunded: Decimal) -> "Billed":
        """Return it as if less had been billed, since so much was paid back."""
        if refunded <= 0 or self.total <= 0:
            return self
        kept = max(Decimal(0), self.total - refunded) / self.total
        lines = tuple(line._replace(amount=line.amount * kept) for line in self.lines)
        return self._replace(lines=lines)


class Room(NamedTuple):
    """How much may be given back for a product, in major units; so many `lines` make it up."""

    amount: Fraction
    lines: int


def rooms(lines: Iterable[tuple[str, Line]], at: int) -> dict[str, Room]:
    """Return what is paid of the time from then on, by product."""
    found: dict[str, Room] = {}
    for product, line in lines:
        worth = line.worth(at)
        if worth:
            room = found.get(product, Room(Fraction(0), 0))
            found[product] = Room(room.amount + worth, room.lines + 1)
    return found


def capped(
    lines: Iterable[LineItem], held: Iterable[LineItem], found: Mapping[str, Room], currency: str
) -> _Lines:
    """Return lines whose credits give back no more than was paid.

    `held` is what all holders of the same plans would get back: each has a share of what was
    paid. Amounts stay that differ by no more than the cents that were rounded.
    """
    every, known = tuple(lines), tuple(held)
    less: dict[int, LineItem] = {}
    for product in dict.fromkeys(line.product for line in every if _is_credit(line)):
        places = [at for at, one in enumerate(every) if one.product == product and _is_credit(one)]
        some = [every[at] for at in places]
        room = _part(found.get(product, Room(Fraction(0), 0)), some, known)
        less |= zip(places, _within(some, room, currency), strict=True)
    return tuple(less.get(at, line) for at, line in enumerate(every))


def _is_credit(line: LineItem) -> bool:
    return line.kind == REFUND and line.total < 0


def _part(room: Room, some: Iterable[LineItem], held: Iterable[LineItem]) -> Room:
    """The share of some credits in what was paid for their product by all its holders."""
    asked = {(one.customer_plan_id, one.product): -one.amount for one in some}
    product = next(iter(asked))[1]
    whole = {one.customer_plan_id: -one.amount for one in held if one.product == product}
    others = total(amount for key, amount in whole.items() if (key, product) not in asked)
    mine = total(asked.values())
    if not others:
        return room
    return room._replace(amount=room.amount * Fraction(mine) / Fraction(mine + others))


def _within(some: list[LineItem], room: Room, currency: str) -> Iterator[LineItem]:
    cent = Fraction(money.major(1, currency))
    asked = [-line.total for line in some]
    if Fraction(total(asked)) <= room.amount + cent * (room.lines + 1) / 2:
        yield from some
        return
    most = money.major(max(0, round(room.amount / cent)), currency)
    for line, share in zip(some, shares(most, asked, currency), strict=True):
        yield line._replace(amount=-share, reductions=())
