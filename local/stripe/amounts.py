"""The arithmetic of an invoice, in minor units: discounts one after another, then tax on top.

Percentages come first, of each line, then amounts, spread over the lines; each takes from what
the ones before left.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from local.stripe.account import Document


class Totals(NamedTuple):
    """What an invoice comes to; `discounts` and their shares by line follow the coupons' order."""

    subtotal: int
    discounts: list[int]
    shares: list[list[int]]
    tax: int
    total: int


def totals(
    amounts: list[int],
    coupons: list[Document],
    tax_percent: Decimal,
    eligible: list[list[bool]] | None = None,
) -> Totals:
    """Return the totals of lines with these amounts.

    `eligible` tells for each coupon which lines it is for; without it, all.
    """
    every = [[True] * len(amounts)] * len(coupons)
    chosen = every if eligible is None else eligible
    left = list(amounts)
    shares = [[0] * len(amounts)] * len(coupons)
    for place in sorted(range(len(coupons)), key=lambda one: _rank(coupons[one])):
        lines = zip(left, chosen[place], strict=True)
        shares[place] = _off(
            [max(0, amount) if yes else 0 for amount, yes in lines], coupons[place]
        )
        left = [amount - part for amount, part in zip(left, shares[place], strict=True)]
    tax = _rounded(max(0, sum(left)) * tax_percent / 100)
    discounts = [sum(share) for share in shares]
    return Totals(sum(amounts), discounts, shares, tax, sum(left) + tax)


def _rank(coupon: Document) -> tuple[bool, bool]:
    """Percentages first; of amounts, those for some products, which find nothing elsewhere."""
    return coupon["percent_off"] is None, not coupon.get("applies_to")


def _off(amounts: list[int], coupon: Document) -> list[int]:
    """What a coupon takes off each of these amounts; never more than there is."""
    if coupon["percent_off"] is not None:
        percent = Decimal(str(coupon["percent_off"]))
        return [_rounded(amount * percent / 100) for amount in amounts]
    return _spread(min(int(coupon["amount_off"]), sum(amounts)), amounts)


def _spread(off: int, amounts: list[int]) -> list[int]:
    """Spread a discount by weight; what does not divide goes to the largest remainders."""
    whole = sum(amounts) or 1
    parts = [divmod(off * amount, whole) for amount in amounts]
    shares = [part for part, _rest in parts]
    largest = sorted(range(len(parts)), key=lambda place: -parts[place][1])
    for place in largest[: off - sum(shares)]:
        shares[place] += 1
    return shares


def _rounded(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))
