"""The details of a customer, one below the other, and the form that edits one of them."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from dashboard import forms, terminal
from dashboard.customer.detail_fields import CONFIG, DETAILS
from dashboard.customer.detail_values import KINDS, in_words, kind_of, of_entry, switch
from dashboard.customer.tabs import Place
from orchard.contracts.customers import UpdateCustomerRequest
from orchard.contracts.request import parse, prepare
from orchard.domain.users import Act
from orchard.errors import InvalidInputs, NotFound
from orchard.triggers import http

type View = Mapping[str, Any]

OPERATION = "customers.update"
METADATA = "metadata"
#: What the form has, `field` and `entry` (of the metadata) saying what it is about.
FORM = ("field", "entry", "seen", "kind", "value", "reason", "reference", "key")

prepare(UpdateCustomerRequest)


class About(NamedTuple):
    """What somebody edits: a field, or an entry of the metadata ("": one that is new)."""

    field: str
    entry: str = ""

    @classmethod
    def of(cls, asked: View) -> "About":
        """Errors: `NotFound` for what no customer has."""
        field, entry = asked.get("field", ""), asked.get("entry", "").strip()
        if field == METADATA:
            return cls(field, entry)
        if field not in DETAILS:
            raise NotFound("Customers have no such detail")
        return cls(field)

    @property
    def act(self) -> Act:
        """What somebody must be permitted to edit it."""
        return Act.EDIT if self.field == METADATA else DETAILS[self.field].act

    @property
    def label(self) -> str:
        """What people call it."""
        return self.entry or "Metadata" if self.field == METADATA else DETAILS[self.field].label

    @property
    def hint(self) -> str:
        """What the form says of it."""
        return "" if self.field == METADATA else DETAILS[self.field].hint

    def held(self, customer: View) -> Any:
        """What the customer has there; None: nothing."""
        if self.field == METADATA:
            return customer["metadata"].get(self.entry)
        if self.field in CONFIG:
            return bool(customer["config"].get(self.field))
        return customer[self.field]


def shown(customer: View, place: Place) -> dict[str, Any]:
    """Return what the tab of details shows while nothing is edited."""
    entries = sorted(customer["metadata"])
    return {
        "details": [_row(About(name), customer, place) for name in DETAILS],
        "entries": [_row(About(METADATA, name), customer, place) for name in entries],
        "new_entry": address(place, About(METADATA)),
        "controls": json.dumps(customer["billing_controls"], ensure_ascii=False, indent=2)
        if customer["billing_controls"]
        else "",
        "kinds": KINDS,
        "address": f"{place.page}/edit",
        "editing": None,
    }


def address(place: Place, about: About) -> str:
    """Return where a field, or an entry, is edited."""
    asked = {name: value for name, value in about._asdict().items() if value}
    return f"{place.page}/edit?{urlencode(asked)}"


def first(about: About, customer: View) -> dict[str, str]:
    """Return the form as it is opened."""
    held = about.held(customer)
    blank = forms.typed({}, FORM)
    return {
        **blank,
        **about._asdict(),
        "key": forms.new_key(),
        "seen": seen(held),
        "kind": kind_of(held) if about.field == METADATA else DETAILS[about.field].kind,
        "value": "" if held is None else in_words(held),
    }


def seen(held: Any) -> str:
    """Return what a field holds, as the form carries it along."""
    return json.dumps(held, ensure_ascii=False)


def body(customer_id: str, about: About, values: View, *, gone: bool = False) -> dict[str, Any]:
    """Return the body of `customers.update`; `gone`: the entry is removed.

    Errors: `InvalidInputs`.
    """
    value = None if gone else _value(about, values)
    still = http.json_value(values["seen"].encode())
    changed: dict[str, Any]
    if about.field == METADATA:
        if not about.entry:
            raise InvalidInputs("entry: type a name")
        changed = {METADATA: {about.entry: value}, "if_still": {METADATA: {about.entry: still}}}
    elif about.field == "id":
        changed = {"new_customer_id": value, "if_still": {"id": still}}
    elif about.field in CONFIG:
        changed = {"config": {about.field: value}}
    else:
        is_switch = DETAILS[about.field].kind == "switch"
        changed = {about.field: value} | ({} if is_switch else {"if_still": {about.field: still}})
    causes = {name: values[name] for name in ("reason", "reference") if values[name]}
    return {"customer_id": customer_id, **changed, **causes}


def request(asked: Mapping[str, Any]) -> UpdateCustomerRequest:
    """Return the API's request. Errors: `InvalidInputs`."""
    return parse(UpdateCustomerRequest, dict(asked))


def fault_of(about: About, message: str) -> str:
    """Return a sentence of the API with the name that the form has for the field."""
    names = {"new_customer_id", about.field, f"{METADATA}.{about.entry}", f"config.{about.field}"}
    named, _, rest = message.partition(": ")
    return f"value: {rest}" if rest and named in names else message


def preview(about: About, customer: View, asked: Mapping[str, Any]) -> dict[str, str]:
    """Return what an edit does, as people read it, and the call that it equals."""
    return {
        "wrong": "",
        "before": in_words(about.held(customer)) or "nothing",
        "after": in_words(_given(about, asked)) or "nothing",
        "curl": terminal.curl(OPERATION, asked),
    }


def _given(about: About, asked: Mapping[str, Any]) -> Any:
    if about.field == METADATA:
        return asked[METADATA][about.entry]
    if about.field == "id":
        return asked["new_customer_id"]
    return asked["config"][about.field] if about.field in CONFIG else asked[about.field]


def _row(about: About, customer: View, place: Place) -> dict[str, Any]:
    held = about.held(customer)
    return {
        "about": about,
        "label": about.label,
        "held": in_words(held),
        "is_json": isinstance(held, dict | list),
        "is_switch": isinstance(held, bool),
        "address": address(place, about),
    }


def _value(about: About, values: View) -> Any:
    kind = values["kind"] if about.field == METADATA else DETAILS[about.field].kind
    if kind == "switch":
        return switch(values["value"])
    if about.field == METADATA:
        return of_entry(kind, values["value"])
    if about.field == "id" and not values["value"]:
        raise InvalidInputs("value: type an id")
    return values["value"] or None
