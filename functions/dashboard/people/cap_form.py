"""The settings of the dashboard as a form: the cap on grants, for each feature and for the rest."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from dashboard import forms
from dashboard.figures import number
from orchard.domain.support_caps import Caps
from orchard.errors import Invalid, InvalidInputs, OrchardError

type View = Mapping[str, Any]

_CAP = "cap."
NEW, NEW_CAP, DEFAULT = "new_feature", "new_cap", "default"


def first(caps: Caps) -> dict[str, str]:
    """Return the form as it is opened."""
    named = {f"{_CAP}{name}": number(cap) for name, cap in sorted(caps.by_feature.items())}
    return {DEFAULT: number(caps.default), **named, NEW: "", NEW_CAP: ""}


def typed(fields: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed."""
    names = (DEFAULT, *(name for name in fields if name.startswith(_CAP)), NEW, NEW_CAP)
    return forms.typed(fields, names)


def caps(values: Mapping[str, str]) -> Caps:
    """Return what was typed as caps; an empty one is none of its own. Errors: `InvalidInputs`."""
    found: dict[str, Decimal] = {}
    for name, text in values.items():
        if name.startswith(_CAP) and text:
            found[name.removeprefix(_CAP)] = _cap(text, name)
    if values[NEW]:
        found[values[NEW]] = _cap(values[NEW_CAP], NEW_CAP)
    elif values[NEW_CAP]:
        raise InvalidInputs(f"{NEW}: choose the feature that the cap is for")
    return Caps(_cap(values[DEFAULT], DEFAULT), found)


def wrong(error: OrchardError, values: Mapping[str, str]) -> forms.Wrong:
    """Return what to say of an error, and beside which field."""
    field, _, rest = error.message.partition(": ")
    if rest and field in values:
        return forms.Wrong(rest[:1].upper() + rest[1:], field)
    return forms.Wrong(error.message)


def rows(values: Mapping[str, str], names: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the features with a cap of their own: field, name and what was typed."""
    return [
        {"field": field, "name": names.get(_id(field), _id(field)), "id": _id(field), "cap": text}
        for field, text in values.items()
        if field.startswith(_CAP)
    ]


def choices(values: Mapping[str, str], features: Iterable[View]) -> dict[str, str]:
    """Return the features that may get a cap, with their names: those that are counted."""
    return {
        one["id"]: one["name"] or one["id"]
        for one in features
        if one["type"] != "boolean" and f"{_CAP}{one['id']}" not in values
    }


def _id(field: str) -> str:
    return field.removeprefix(_CAP)


def _cap(text: str, field: str) -> Decimal:
    try:
        found = forms.number(text, field)
    except Invalid:
        found = Decimal(-1)
    if found < 0:
        raise InvalidInputs(f"{field}: must be a number of units, 0 or more")
    return found
