"""The customers of the demo data: who they are, how much they use, what is special about some."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from local.demo.dealings import (
    BUYS,
    GIVEN_UP,
    GROWS,
    LAUNCHED,
    LEAVES,
    OVERDUE,
    PAYS,
    SMALLER,
    TRIES,
    VOIDED,
    Dealing,
    Invoice,
)
from local.demo.product import PACK, PARTNER, THANKS, Body

# Id (- for none), name, e-mail, metadata, how often they used something, how many messages at a
# time, changes of the number of seats.
_PEOPLE = """
northwind-labs | Ingrid Solberg  | ingrid@northwind-labs.example | country=NO tier=team  | 30 | 240 | 4 2 -1
atelier-moreau | Camille Moreau  | camille@moreau.example        | country=FR tier=team  | 24 | 180 | 3
kisumu-coop    | Achieng Otieno  | achieng@kisumu-coop.example   | country=KE tier=team  | 20 | 150 | 5
harbor-street  | Maya Whitfield  | maya@harborstreet.example     | country=US            | 18 | 130 | 2
tanaka-design  | Haruto Tanaka   | haruto@tanaka.example         | country=JP tier=team  | 20 | 160 | 3 1
granja-sol     | Lucía Herrera   | lucia@granjasol.example       | country=MX            | 14 |  90 | 2
obi-legal      | Chinedu Obi     | chinedu@obi-legal.example     | country=NG            | 16 | 110 | 4
fjordline      | Astrid Nygård   | astrid@fjordline.example      | country=NO partner=1  | 24 | 400 |
quill-and-co   | Edward Quill    | edward@quill.example          | country=GB            | 12 |  70 | 1
mesa-robotics  | Dakota Reyes    | dakota@mesa-robotics.example  | country=US            | 14 |  95 | 2
seoul-studio   | Ji-woo Park     | jiwoo@seoul-studio.example    | country=KR            | 12 |  60 |
verde-energia  | Giulia Conti    | giulia@verde-energia.example  | country=IT            | 12 |  80 | 2
user_1042      | Omar Haddad     | omar.haddad@mail.example      | interest=pro          | 10 |  75 |
user_1043      | Priya Raman     | priya.raman@mail.example      | source=newsletter     |  9 |  45 |
user_1044      | Tomasz Wójcik   | tomasz@mail.example           | source=conference     | 12 | 180 |
user_1045      | Grace Mensah    | grace.mensah@mail.example     | source=search         |  9 |  30 | 1
user_1046      | Noah Fischer    | noah@mail.example             | source=search         |  9 |  55 |
user_1047      | Aroha Ngata     | aroha@mail.example            | source=friend         |  8 |  40 |
user_1048      | Mateus Lima     | mateus.lima@mail.example      | source=search beta=1  |  8 |  25 |
user_1049      | Elif Kaya       | elif@mail.example             | source=newsletter     |  7 |  65 |
user_1050      | Samuel Green    | sam.green@mail.example        |                       |  6 | 200 |
user_1051      | Yara Costa      | yara@mail.example             | source=conference     |  5 |  20 |
user_1052      | Leila Farouk    | leila@mail.example            | source=search         |  3 |  15 |
user_1053      | Anders Holm     | anders@mail.example           |                       |  0 |   0 |
-              | Nadia Petrova   | nadia.petrova@mail.example    | source=import         |  4 |  35 |
"""  # noqa: E501 - a table


class Workspace(NamedTuple):
    """An entity of a customer: its id and name, the plan that it has for itself, its controls."""

    id: str
    name: str
    plan_id: str | None = None
    controls: Body | None = None


class Special(NamedTuple):
    """What few customers have: grants, controls, edits, invoices, workspaces, dealings."""

    grants: tuple[Body, ...] = ()
    controls: Body | None = None
    edits: tuple[Body, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    workspaces: tuple[Workspace, ...] = ()
    dealings: tuple[Dealing, ...] = ()


class Customer(NamedTuple):
    """A customer; `uses` of about `size` messages each are spread over the last sixty days."""

    id: str | None
    name: str
    email: str
    metadata: dict[str, str]
    uses: int
    size: int
    seats: tuple[int, ...]
    special: Special


_APOLOGY: Body = {
    "feature_id": "messages",
    "add_to_balance": 500,
    "reason": "Made good for the outage of last Tuesday",
    "reference": "incident 207",
}
_CORRECTION: Body = {
    "feature_id": "messages",
    "usage": 120,
    "reason": "An import counted the same messages twice",
}
_TRIAL: Body = {
    "feature_id": "credits",
    "included_grant": 150,
    "add_to_balance": 100,
    "reason": "Larger trial agreed with sales",
}

# How long from now these last is told in days.
_LAUNCH_WEEK: Body = {
    "feature_id": "messages",
    "add_to_balance": 2000,
    "ends_in_days": 5,
    "reason": "Room for the launch week",
    "reference": "ticket 4711",
}
_DISPUTE: Body = {
    "feature_id": "messages",
    "add_to_balance": -60,
    "ends_in_days": 2,
    "reason": "Held back until the double import is settled",
    "reference": "ticket 4720",
}
_MISTAKE: Body = {
    "feature_id": "messages",
    "remaining": 9000,
    "reason": "Typed a nought too many",
    "undone": "Meant for another customer",
}

_ALERTS: Body = {
    "usage_alerts": [
        {
            "feature_id": "messages",
            "threshold": 80,
            "threshold_type": "usage_percentage",
            "name": "Nearly used up",
        }
    ]
}
_LIMIT: Body = {"usage_limits": [{"feature_id": "messages", "limit": 5000, "interval": "month"}]}
# 200 messages beyond what is included, and 12 drafts a month, whatever credits are left.
_LIMITS: Body = {
    "spend_limits": [{"feature_id": "messages", "enabled": True, "overage_limit": 200}],
    "overage_allowed": [{"feature_id": "messages", "enabled": True}],
    "usage_limits": [{"feature_id": "drafts", "limit": 12, "interval": "month"}],
}
_SPENDING: Body = {
    "spend_limits": [{"feature_id": "messages", "enabled": True, "overage_limit": 10_000}],
    "overage_allowed": [{"feature_id": "messages", "enabled": True}],
}
_FEW_DRAFTS: Body = {"usage_limits": [{"feature_id": "drafts", "limit": 5, "interval": "week"}]}
_WORKSPACES = (
    Workspace("sales", "Sales"),
    Workspace("research", "Research", plan_id="boost"),
    Workspace("support", "Support", controls=_FEW_DRAFTS),
)
_TOPUP: Body = {
    "auto_topups": [
        {
            "feature_id": "credits",
            "enabled": True,
            "threshold": 20,
            "quantity": 100,
            "purchase_limit": {"interval": "month", "limit": 3},
        }
    ]
}

_SPECIAL = {
    "Ingrid Solberg": Special((), _ALERTS, (_APOLOGY,), (), _WORKSPACES, PAYS),
    "Camille Moreau": Special(edits=(_LAUNCH_WEEK,), dealings=LAUNCHED),
    "Achieng Otieno": Special(controls=_SPENDING, dealings=SMALLER),
    "Maya Whitfield": Special(edits=(_APOLOGY,), dealings=OVERDUE),
    "Haruto Tanaka": Special(controls=_TOPUP, dealings=LEAVES),
    "Lucía Herrera": Special(edits=(_CORRECTION,), invoices=GIVEN_UP, dealings=BUYS),
    "Chinedu Obi": Special(controls=_ALERTS, invoices=VOIDED, dealings=TRIES),
    "Astrid Nygård": Special((PARTNER,)),
    "Edward Quill": Special((PACK,)),
    "Dakota Reyes": Special((PACK, THANKS), _LIMIT, dealings=GROWS),
    "Ji-woo Park": Special((PACK,), edits=(_TRIAL,)),
    "Giulia Conti": Special(controls=_ALERTS, edits=(_DISPUTE,)),
    "Tomasz Wójcik": Special(controls=_LIMITS),
    "Omar Haddad": Special(edits=(_CORRECTION,)),
    "Noah Fischer": Special((PACK,), edits=(_MISTAKE,)),
    "Aroha Ngata": Special(edits=(_TRIAL,)),
    "Mateus Lima": Special((THANKS,)),
    "Samuel Green": Special(edits=(_APOLOGY,)),
}


def customers() -> Iterator[Customer]:
    """Yield the customers in the order of their creation."""
    for line in _PEOPLE.strip().splitlines():
        own_id, name, email, metadata, uses, size, seats = (
            cell.strip() for cell in line.split("|")
        )
        yield Customer(
            id=None if own_id == "-" else own_id,
            name=name,
            email=email,
            metadata=_pairs(metadata),
            uses=int(uses),
            size=int(size),
            seats=tuple(int(change) for change in seats.split()),
            special=_SPECIAL.get(name, Special()),
        )


def _pairs(text: str) -> dict[str, Any]:
    return dict(pair.split("=") for pair in text.split())
