"""Parts of requests of `rewards.*`: codes, durations, what is granted."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from orchard.contracts.fields import Count, Id, PlanId, Positive, Whole, fault
from orchard.contracts.request import Request
from orchard.domain.rewards import Code, Grant

#: What Stripe takes as the name of a coupon, and as the word of a promotion code.
_LONGEST_NAME, _WORD = 40, re.compile(r"[a-zA-Z0-9_-]{1,200}")
#: Each is made at Stripe while the caller waits.
_MOST_CODES, _MOST_PLANS, _MOST_GRANTS = 20, 50, 20
#: Ten years: longer is forever.
_MOST_MONTHS = 120


def _word(value: str) -> str:
    if not _WORD.fullmatch(value):
        raise fault("must have 1 to 200 letters, digits, underscores and hyphens")
    return value


def _months(value: int) -> int:
    if not 1 <= value <= _MOST_MONTHS:
        raise fault(f"must be between 1 and {_MOST_MONTHS}")
    return value


type Word = Annotated[str, AfterValidator(_word)]
type Name = Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME)]
type PlanIds = Annotated[list[PlanId], Field(min_length=1, max_length=_MOST_PLANS)]


class Strict(Request):
    """A request, or a part of one, that has nothing beside what it may have."""

    model_config = ConfigDict(extra="forbid")


class Duration(Strict):
    """For how long a coupon is good: one invoice, so many months, always."""

    type: Literal["one_off", "months", "forever"]
    length: Annotated[Whole, AfterValidator(_months)] | None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.type == "months") != (self.length is not None):
            raise fault("length is required for months, and null for all else")
        return self


class CouponCode(Strict):
    """A code for a coupon. Limits below one are judged later: there they have a code."""

    code: Word
    global_max_redemption: Whole | None = None
    first_time_transaction: bool | None = None

    @property
    def meant(self) -> Code:
        """The code in our terms."""
        return Code(self.code, self.global_max_redemption, self.first_time_transaction)


class GrantCode(Strict):
    """A code that gets a grant of features."""

    code: Word
    max_uses: Whole | None

    @property
    def meant(self) -> Code:
        """The code in our terms."""
        return Code(self.code, self.max_uses)


class Expiry(Strict):
    """How long a grant lasts."""

    type: Literal["day", "week", "month", "year"]
    length: Count


class FeatureAmount(Strict):
    """A feature to grant; `included` is null for one that is on or off."""

    feature_id: Id
    included: Positive | None
    expiry: Expiry | None

    @property
    def meant(self) -> Grant:
        """The grant in our terms."""
        expiry = self.expiry
        every, length = (expiry.type, expiry.length) if expiry else (None, None)
        return Grant(self.feature_id, self.included, every, length)


type CouponCodes = Annotated[list[CouponCode], Field(max_length=_MOST_CODES)]
type GrantCodes = Annotated[list[GrantCode], Field(min_length=1, max_length=_MOST_CODES)]
type Amounts = Annotated[list[FeatureAmount], Field(min_length=1, max_length=_MOST_GRANTS)]
