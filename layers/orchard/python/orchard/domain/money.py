"""Money: exact decimals in major units (dollars, yen) here, whole minor units (cents) at Stripe."""

from decimal import ROUND_HALF_UP, Decimal

#: The currency of an organisation that set no other.
MAIN_CURRENCY = "usd"
_WITHOUT_MINOR_UNIT = {
    "bif",
    "clp",
    "djf",
    "gnf",
    "jpy",
    "kmf",
    "krw",
    "mga",
    "pyg",
    "rwf",
    "vnd",
    "vuv",
    "xaf",
    "xof",
    "xpf",
}
_WITH_THREE_DECIMALS = {"bhd", "jod", "kwd", "omr", "tnd"}


def decimals(currency: str) -> int:
    """Return how many digits after the point amounts of a currency (`usd`) have at Stripe."""
    if currency.lower() in _WITHOUT_MINOR_UNIT:
        return 0
    return 3 if currency.lower() in _WITH_THREE_DECIMALS else 2


def major(minor: int, currency: str) -> Decimal:
    """Return an amount of minor units in major units: 1999 is 19.99 in usd and 1999 in jpy."""
    return Decimal(minor).scaleb(-decimals(currency))


def minor(amount: Decimal, currency: str) -> int:
    """Return an amount of major units in whole minor units, half of one rounded away from zero."""
    return int(amount.scaleb(decimals(currency)).to_integral_value(ROUND_HALF_UP))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Return an amount in whole minor units of its currency, half of one rounded away from zero."""
    return major(minor(amount, currency), currency)
