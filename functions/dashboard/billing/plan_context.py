"""What the forms that attach or change a plan show of it."""

from collections.abc import Mapping
from typing import Any

from dashboard.billing import custom_plan, plan_rows
from dashboard.billing import fields as billing_fields
from dashboard.customer.products import price_of, trial_of

type View = Mapping[str, Any]


def shown(plan: View, features: View, coupons: View, values: View) -> dict[str, Any]:
    """Return what the template of such a form needs, by what was typed."""
    return {
        "plan": plan,
        "price": price_of(plan),
        "features": features,
        "coupons": coupons,
        "rows": custom_plan.rows(plan, features, values),
        "touched": custom_plan.is_touched(plan, values),
        "ahead": billing_fields.ahead(plan),
        "trial": trial_of(plan),
        "trial_units": billing_fields.TRIAL_UNITS,
        "price_intervals": custom_plan.intervals(plan),
        "item_ways": plan_rows.WAYS,
        "ways": billing_fields.WAYS,
    }
