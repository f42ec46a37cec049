"""The operator's request to handle parked stream records again."""

from datetime import date, timedelta
from typing import Self

from pydantic import Field, model_validator

from orchard.contracts.fields import fault
from orchard.contracts.request import Request

#: As many days are looked through at once.
_MOST_DAYS = 400
_DAY = r"^\d{4}-\d{2}-\d{2}$"


class ReplayParkedRequest(Request):
    """Handle again what was parked on a day, or on the days from one to another (UTC)."""

    day: str | None = Field(default=None, pattern=_DAY)
    first: str | None = Field(default=None, pattern=_DAY, alias="from")
    last: str | None = Field(default=None, pattern=_DAY, alias="to")
    #: Go on behind this record, which an earlier answer called `next`.
    after: str | None = Field(default=None, pattern=r"^\d{15}\W[\w-]{1,100}$")
    dry_run: bool = False

    @model_validator(mode="after")
    def _names_days(self) -> Self:
        is_range = self.first is not None and self.last is not None
        if (self.first is None) != (self.last is None) or (self.day is None) != is_range:
            raise fault("Say which day to replay: `day`, or `from` and `to`")
        if not 1 <= len(self.days) <= _MOST_DAYS:
            raise fault(f"`from` must not be after `to`, and at most {_MOST_DAYS} days before it")
        return self

    @property
    def days(self) -> list[str]:
        """The days, oldest first."""
        first, last = _date(self.day or self.first or ""), _date(self.day or self.last or "")
        count = min((last - first).days, _MOST_DAYS) + 1
        return [(first + timedelta(days=number)).isoformat() for number in range(count)]


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise fault(f"{text} is no day") from None
