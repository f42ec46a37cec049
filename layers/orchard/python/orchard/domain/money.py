"""Money: exact decimals in major units (dollars, yen) here, whole minor units (cents) at Stripe."""

from decimal import Decimal

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
