"""GET /dashboard/approvals, GET .../{id}, POST .../{id}/approve, /decline and /withdraw"""

from typing import Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response

from dashboard.customer import balance_edit
from dashboard.customers.listing import explained
from dashboard.forms import RIGHT, Wrong, typed, wrong
from dashboard.frame.routes import Pages
from dashboard.frame.visits import Visit, form, query, visit
from dashboard.people import approval_rows
from dashboard.people.approval_rows import ADDRESS
from orchard.contracts.cursor import PageRequest
from orchard.contracts.granting import CreateBalanceRequest
from orchard.contracts.request import parse, prepare
from orchard.domain.approvals import Approval
from orchard.domain.users import Act
from orchard.errors import Forbidden, OrchardError
from orchard.triggers import http
from orchard.usecases import approving

router = Pages()
_PAGE = 25
_TABS = {"": "Waiting", "decided": "Decided"}
_FIELDS = ("note",)

for model in (PageRequest, CreateBalanceRequest):
    prepare(model)


@router.get(ADDRESS)
def index() -> Response[str]:
    """Show the requests that wait, or those that are decided."""
    visitor = visit(router)
    visitor.current.user.must(Act.GRANT)
    asked = query(visitor.event)
    tab = asked.get("tab", "") if asked.get("tab") in _TABS else ""
    shown: dict[str, Any] = {"rows": [], "following": "", "failed": ""}
    status = 200
    try:
        shown |= _listed(visitor, tab, asked.get("cursor", ""))
    except OrchardError as failed:
        shown, status = shown | {"failed": explained(failed)}, http.status_of(failed)
    context = {**shown, "tab": tab, "tabs": _TABS, "cursor": asked.get("cursor", "")}
    return visitor.page("people/approvals.html", status, section="approvals", **context)


@router.get(f"{ADDRESS}/<approval_id>")
def show(approval_id: str) -> Response[str]:
    """Show one request: what it would do by now, and what came of it."""
    visitor = visit(router)
    approval = approving.get(visitor.session, visitor.current.user, approval_id)
    return _page(visitor, approval)


@router.post(f"{ADDRESS}/<approval_id>/approve")
def approve(approval_id: str) -> Response[str]:
    """Do what was asked for."""
    visitor = visit(router)
    values = typed(form(visitor.event), _FIELDS)
    user, session = visitor.current.user, visitor.session
    try:
        done = approving.approve(session, user, approval_id, values["note"])
    except OrchardError as refused:
        return _refused(visitor, approval_id, values, refused)
    approval = approving.get(session, user, approval_id)
    undo = f"{approval_rows.customer(approval)}/changes/{done['change_id']}/undo"
    said = f"Approved. The balance of {approval.feature_id} was edited."
    return visitor.done(f"{ADDRESS}/{approval_id}", said, undo if done["change_id"] else "")


@router.post(f"{ADDRESS}/<approval_id>/decline")
def decline(approval_id: str) -> Response[str]:
    """Decide against it."""
    visitor = visit(router)
    values = typed(form(visitor.event), _FIELDS)
    try:
        approving.decline(visitor.session, visitor.current.user, approval_id, values["note"])
    except OrchardError as refused:
        return _refused(visitor, approval_id, values, refused)
    return visitor.done(f"{ADDRESS}/{approval_id}", "Declined. Nothing was changed.")


@router.post(f"{ADDRESS}/<approval_id>/withdraw")
def withdraw(approval_id: str) -> Response[str]:
    """Take one's own request back."""
    visitor = visit(router)
    try:
        approving.withdraw(visitor.session, visitor.current.user, approval_id)
    except OrchardError as refused:
        return _refused(visitor, approval_id, typed({}, _FIELDS), refused)
    return visitor.done(f"{ADDRESS}/{approval_id}", "The request was withdrawn.")


def _listed(visitor: Visit, tab: str, cursor: str) -> dict[str, Any]:
    request = parse(PageRequest, {"start_cursor": cursor, "limit": _PAGE})
    user, session = visitor.current.user, visitor.session
    found = approving.list_approvals(session, user, request, decided=bool(tab))
    rows = [approval_rows.row(one, visitor.now) for one in found.items]
    asked = {"tab": tab, "cursor": found.next_cursor}
    query_ = urlencode({name: value for name, value in asked.items() if value})
    return {"rows": rows, "following": f"{ADDRESS}?{query_}" if found.next_cursor else ""}


def _refused(
    visitor: Visit, approval_id: str, values: dict[str, str], refused: OrchardError
) -> Response[str]:
    """The page of the request, as it is by now, with what is wrong. Errors: `Forbidden`, 404."""
    if isinstance(refused, Forbidden):
        raise refused
    approval = approving.get(visitor.session, visitor.current.user, approval_id)
    told, status = wrong(refused, _FIELDS), http.status_of(refused)
    return _page(visitor, approval, values, told, status)


def _page(
    visitor: Visit,
    approval: Approval,
    values: dict[str, str] | None = None,
    told: Wrong = RIGHT,
    status: int = 200,
) -> Response[str]:
    shown = approval_rows.shown(approval, visitor.current.user, visitor.now)
    return visitor.page(
        "people/approval.html",
        status,
        section="approvals",
        approval=shown,
        by_now=_by_now(visitor, approval) if shown["waits"] else None,
        values=values or typed({}, _FIELDS),
        wrong=told,
    )


def _by_now(visitor: Visit, approval: Approval) -> dict[str, Any]:
    """What the request would do by now, or why it can't be done."""
    try:
        plan = approving.preview(visitor.session, approval)
    except OrchardError as refused:
        return {"wrong": refused.message}
    words = balance_edit.in_words(plan.preview) if plan.preview else None
    return {"wrong": "", "units": approval_rows.units(plan.granted), "preview": words}
