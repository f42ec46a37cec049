"""How lines of invoices read: `Pro - Base Price (from 1 Sep 2026 to 1 Oct 2026)`."""

from datetime import UTC, datetime
from decimal import Decimal

from orchard.domain import plan_display
from orchard.domain.billing.lines import Bought, Period
from orchard.domain.catalog import Feature


def fixed(bought: Bought, feature: Feature | None, quantity: Decimal, period: Period | None) -> str:
    """Return the text of a fixed price: of the base price, or of units bought in advance."""
    what = "Base Price" if feature is None else plan_display.counted(feature, quantity)
    return spanning(f"{bought.plan.name} - {what}", period, bought.entity_name)


def spanning(text: str, period: Period | None, entity_name: str | None = None) -> str:
    """Return a text with the time that it is about, and the entity."""
    if period is not None:
        text = f"{text} (from {_day(period.start)} to {_day(period.end)})"
    return text if entity_name is None else f"{text} ({entity_name})"


def _day(at: int) -> str:
    day = datetime.fromtimestamp(at / 1000, UTC)
    return f"{day.day} {day:%b %Y}"
