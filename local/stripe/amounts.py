"""The arithmetic of an invoice, in minor units: discounts one after another, then tax on top.

Percentages come first, in their order, then amounts; each takes from what the ones before left.
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
    left = list(amounts)
    shares = [[0] * len(amounts)] * len(coupons)
    for place in sorted(range(len(coupons)), key=lambda one: coupons[one]["percent_off"] is None):
        chosen = [True] * len(amounts) if eligible is None else eligible[place]
        open_to = [amount if yes else 0 for amount, yes in zip(left, chosen, strict=True)]
        shares[place] = _share(_off(sum(open_to), coupons[place]), open_to)
        left = [amount - part for amount, part in zip(left, shares[place], strict=True)]
    tax = _rounded(max(0, sum(left)) * tax_percent / 100)
    discounts = [sum(share) for share in shares]
    return Totals(sum(amounts), discounts, shares, tax, sum(left) + tax)


def _off(amount: int, coupon: Document) -> int:
    """What a coupon takes off an amount; never more than there is."""
    if amount <= 0:
        return 0
    if coupon["percent_off"] is not None:
        return _rounded(amount * Decimal(str(coupon["percent_off"])) / 100)
    return min(amount, int(coupon["amount_off"]))


def _share(off: int, amounts: list[int]) -> list[int]:
    """Spread a discount over lines by their weight, to the last minor unit."""
    whole = sum(amounts)
    spread, taken, weight = [], 0, 0
    for amount in amounts:
        weight += amount
        upto = off * weight // whole if whole else 0
        spread.append(upto - taken)
        taken = upto
    return spread


def _rounded(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))
