"""What a customer may use, as the page of a customer shows it."""

from collections.abc import Mapping
from typing import Any

from dashboard.customer.products import names
from dashboard.figures import exact, number, rhythm

type View = Mapping[str, Any]

#: From which share used on a bar has which colour.
_LEVELS = ((0.9, "red"), (0.75, "orange"), (0.5, "yellow"), (0.0, "green"))
_WAYS = {"prepaid": "Prepaid", "usage_based": "Pay per use"}


def features(customer: View) -> list[dict[str, Any]]:
    """Return the balances, by name; `customer` is what `customers.get` says."""
    plans = names(customer)
    rows = [_feature(one, plans) for one in customer["balances"].values()]
    return sorted(rows, key=_called)


def flags(customer: View) -> list[dict[str, Any]]:
    """Return the features that are on or off, by name."""
    plans = names(customer)
    shown = [
        {
            "id": one["feature_id"],
            "name": feature_name(one),
            "from": plans.get(one["plan_id"], one["plan_id"] or ""),
            "expires_at": one["expires_at"],
        }
        for one in customer["flags"].values()
    ]
    return sorted(shown, key=_called)


def choices(customer: View) -> dict[str, str]:
    """Return the names of the features of which there are balances, by id."""
    return {name: feature_name(one) for name, one in customer["balances"].items()}


def feature_name(one: View) -> str:
    """Return what a balance or a flag is called."""
    return str(one.get("feature", {}).get("name") or one["feature_id"])


def source_name(line: View, plans: Mapping[str, str]) -> str:
    """Return where a source comes from: a plan, by its name, or a grant."""
    plan_id = line["plan_id"]
    return "Granted to this customer" if plan_id is None else plans.get(plan_id, plan_id)


def _called(row: View) -> str:
    return str(row["name"]).casefold()


def _feature(one: View, plans: Mapping[str, str]) -> dict[str, Any]:
    sources = [_source(line, plans) for line in one["breakdown"]]
    beyond = exact(one["usage"]) - exact(one["granted"])
    ends = [line["expires_at"] for line in one["breakdown"] if line["expires_at"]]
    return {
        "id": one["feature_id"],
        "name": feature_name(one),
        "unlimited": one["unlimited"],
        "used": number(one["usage"]),
        "granted": number(one["granted"]),
        "remaining": number(one["remaining"]),
        "over": number(beyond) if beyond > 0 and one["remaining"] <= 0 else "",
        "goes_on": one["overage_allowed"],
        "most": None if one["max_purchase"] is None else number(one["max_purchase"]),
        "bar": _bar(one),
        "resets_at": one["next_reset_at"],
        "expires_at": min(ends, default=None),
        "rollovers": [_rollover(carried) for carried in one.get("rollovers", ())],
        "sources": sources,
    }


def _bar(one: View) -> dict[str, Any] | None:
    """The share that is used; None where there is no limit to compare with."""
    if one["unlimited"] or one["granted"] <= 0:
        return None
    share = min(max(one["usage"] / one["granted"], 0), 1)
    color = next(color for least, color in _LEVELS if share >= least)
    return {"percent": round(share * 100), "color": color}


def _rollover(one: View) -> dict[str, Any]:
    return {
        "granted": number(one["granted"]),
        "left": number(one["balance"]),
        # 0 stands for never.
        "expires_at": one["expires_at"] or None,
    }


def _source(line: View, plans: Mapping[str, str]) -> dict[str, Any]:
    reset, price = line["reset"], line["price"]
    return {
        "id": line["id"],
        "from": source_name(line, plans),
        "is_grant": line["plan_id"] is None,
        "way": "Included" if price is None else _WAYS.get(price.get("billing_method"), "Priced"),
        "unlimited": line["unlimited"],
        "included": number(line["included_grant"]),
        "prepaid": number(line["prepaid_grant"]) if line["prepaid_grant"] else "",
        "used": number(line["usage"]),
        "remaining": number(line["remaining"]),
        "rhythm": rhythm(reset),
        "resets_at": reset and reset["resets_at"],
        "expires_at": line["expires_at"],
    }
