"""The arithmetic of an invoice, in minor units: discounts one after another, then tax on top."""

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


def totals(amounts: list[int], coupons: list[Document], tax_percent: Decimal) -> Totals:
    """Return the totals of lines with these amounts."""
    subtotal = sum(amounts)
    left = list(amounts)
    shares = []
    for coupon in coupons:
        share = _share(_off(sum(left), coupon), left)
        left = [amount - part for amount, part in zip(left, share, strict=True)]
        shares.append(share)
    tax = _rounded(sum(left) * tax_percent / 100)
    return Totals(subtotal, [sum(share) for share in shares], shares, tax, sum(left) + tax)


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
