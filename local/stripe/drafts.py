"""Drafts of invoices from what a test or the demo data say about them."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from local.stripe.account import new_id


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PriceDraft(_Part):
    """The price that a line is for; plan ids may stand in its metadata."""

    id: str = Field(default_factory=lambda: new_id("price_"))
    product: str = Field(default_factory=lambda: new_id("prod_", 14))
    unit_amount: int | None = None
    recurring: Literal["day", "week", "month", "year"] | None = None
    metadata: dict[str, str] = {}


class LineDraft(_Part):
    """A line; `amount` in minor units, before discounts and tax."""

    description: str
    amount: int
    quantity: int = 1
    period_start: int | None = None
    period_end: int | None = None
    metadata: dict[str, str] = {}
    price: PriceDraft | None = None


class CouponDraft(_Part):
    """A coupon on the whole invoice: a percentage, or an amount in minor units."""

    id: str
    name: str | None = None
    percent_off: Decimal | None = Field(default=None, gt=0, le=100)
    amount_off: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.percent_off is None) == (self.amount_off is None):
            raise ValueError("a coupon takes off either percent_off or amount_off")
        return self


class InvoiceDraft(_Part):
    """An invoice for a customer; times in seconds."""

    customer: str
    currency: Annotated[str, AfterValidator(str.lower)] = Field(
        default="usd", pattern="^[A-Za-z]{3}$"
    )
    created: int | None = None
    period_start: int | None = None
    period_end: int | None = None
    due_date: int | None = None
    description: str | None = None
    billing_reason: str = "manual"
    metadata: dict[str, str] = {}
    lines: list[LineDraft] = []
    coupons: list[CouponDraft] = []
    tax_percent: Decimal = Field(default=Decimal(0), ge=0, le=100)
