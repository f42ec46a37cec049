"""The cap on grants by support: counted before they are done, approved by others above it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from orchard.contracts.changes import ListChangesRequest
from orchard.contracts.cursor import PageRequest
from orchard.contracts.granting import CreateBalanceRequest, UpdateBalanceRequest
from orchard.contracts.request import parse
from orchard.domain.approvals import LIFE_MS, Approval, State
from orchard.domain.support_caps import Caps
from orchard.domain.users import Role, User
from orchard.errors import Conflict, DuplicateIdempotencyKey, OrchardError
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.usecases import approving, capping, changes, granting_caps
from tests.builders import a_customer, a_feature, a_plan, balance, left, monthly
from tests.concurrency.faults import Fault, Faulty, Killed, trouble
from tests.conftest import START, TENANT, Call, Clock, forget
from tests.streams import recording

DAY = 86_400_000
HALF = Decimal("500.5")


def a_user(role: Role, name: str = "") -> User:
    name = name or role
    return User(f"usr_{name}", "org", f"{name}@example.com", name, role, START)


ANN, BOB = a_user(Role.SUPPORT, "ann"), a_user(Role.SUPPORT, "bob")
EVE, ZOE = a_user(Role.ADMIN, "eve"), a_user(Role.OWNER, "zoe")


class Desk:
    """What people do at the dashboard, without its pages."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self.table, self.clock = table, clock

    def session(self, user: User, key: str = "") -> Session:
        session = Session(self.table, TENANT, "sandbox", self.clock.now, user.actor, "request")
        if key:
            session.claim("form", f"{user.id}:{key}")
        return session

    def cap(self, default: int = 0, **by_feature: int) -> None:
        wanted = Caps(Decimal(default), {name: Decimal(cap) for name, cap in by_feature.items()})
        seen = capping.caps(self.session(EVE), EVE).version
        capping.change(self.session(EVE), EVE, wanted, seen)

    def edit(self, user: User, key: str, **fields: Any) -> str:
        """Edit user_1's messages; return the id of what was made, done before or not."""
        body = {"customer_id": "user_1", "feature_id": "messages", **fields}
        session = self.session(user, key)
        try:
            request = parse(UpdateBalanceRequest, body)
            return str(granting_caps.edit(session, user, request, key)["change_id"])
        except DuplicateIdempotencyKey:
            found = session.claimed("form", f"{user.id}:{key}")
            assert found
            return str(found["made"])

    def asked(self, user: User = ANN, key: str = "asks", **fields: Any) -> str:
        made = self.edit(user, key, **(fields or {"add_to_balance": 500}))
        assert granting_caps.is_request(made)
        return made

    def approve(self, user: User, approval_id: str, note: str = "") -> str:
        session = self.session(user)
        return str(approving.approve(session, user, approval_id, note)["change_id"])

    def look(self, approval_id: str) -> Approval:
        return approving.get(self.session(ANN), ANN, approval_id)

    def state(self, approval_id: str) -> State:
        return self.look(approval_id).state(self.clock.now)


@pytest.fixture
def desk(table: Table, clock: Clock, call: Call) -> Desk:
    """A customer with 40 of 100 messages left, and a cap of 50 on them."""
    a_feature(call)
    a_plan(call, "pro", monthly("messages", 100))
    a_customer(call)
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "pro"}).status == 200
    asked = {"customer_id": "user_1", "feature_id": "messages", "value": 60}
    assert call("balances.track", asked).status == 200
    desk = Desk(table, clock)
    desk.cap(messages=50)
    return desk


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(OrchardError) as error:
        act()
    return error.value.code


def test_support_grants_up_to_the_cap_within_a_day_and_asks_beyond(desk: Desk, call: Call) -> None:
    made = [desk.edit(ANN, str(number), add_to_balance=20) for number in range(3)]

    assert [granting_caps.is_request(one) for one in made] == [False, False, True]
    assert left(call)[0] == 80
    assert not granting_caps.is_request(desk.edit(BOB, "1", add_to_balance=50))
    assert not granting_caps.is_request(desk.edit(ANN, "less", add_to_balance=-90))
    assert granting_caps.is_request(desk.edit(ANN, "more", remaining=51))
    assert left(call)[0] == 40
    desk.clock.advance(days=1)
    assert not granting_caps.is_request(desk.edit(ANN, "next", remaining=90))


def test_without_settings_support_asks_for_everything_and_admins_for_nothing(
    desk: Desk, call: Call
) -> None:
    desk.cap()
    assert granting_caps.is_request(desk.edit(ANN, "a", add_to_balance=1))
    assert not granting_caps.is_request(desk.edit(EVE, "b", add_to_balance=10_000))
    assert left(call)[0] == 10_040
    viewer = a_user(Role.VIEWER)
    assert refused(lambda: desk.edit(viewer, "c", add_to_balance=1)) == "role_not_sufficient"
    assert refused(lambda: capping.caps(desk.session(ANN), ANN)) == "role_not_sufficient"


def test_grants_apart_from_plans_count_and_those_that_come_again_are_asked_for(
    desk: Desk, call: Call
) -> None:
    def grant(key: str, **fields: Any) -> bool:
        body = {"customer_id": "user_1", "feature_id": "messages", **fields}
        request = parse(CreateBalanceRequest, body)
        made = granting_caps.grant(desk.session(ANN, key), ANN, request, key)
        return granting_caps.is_request(made["change_id"])

    assert not grant("a", included_grant=30)
    assert grant("b", included_grant=30)
    assert grant("c", included_grant=1, reset={"interval": "day"})
    assert grant("d", unlimited=True, expires_at=desk.clock.now + DAY)
    assert left(call)[0] == 70

    page = approving.list_approvals(desk.session(EVE), EVE, PageRequest(), decided=False)
    by_body = {str(one.body.get("included_grant")): one for one in page.items}
    assert [by_body[name].units for name in ("30", "1", "None")] == [30, None, None]
    desk.approve(EVE, by_body["30"].id)
    desk.approve(EVE, by_body["1"].id)
    assert left(call)[0] == 101
    desk.approve(EVE, by_body["None"].id)
    assert balance(call)["unlimited"]


def test_two_tabs_at_once_cannot_pass_the_cap_together(
    desk: Desk, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever request of one tab the other one comes before."""
    faulty, happened = Faulty(desk.table.client), 0
    monkeypatch.setattr(desk.table, "client", faulty)
    for position in range(12):
        made: list[str] = []
        started = left(call)[0]

        def meanwhile(act: Callable[[], Any], position: int = position) -> Any:
            made.append(desk.edit(ANN, f"other {position}", add_to_balance=30))  # noqa: B023
            return act()

        faulty.arrange(position, meanwhile)
        made.append(desk.edit(ANN, f"one {position}", add_to_balance=30))
        happened += faulty.clear()
        if len(made) == 2:
            assert sorted(map(granting_caps.is_request, made)) == [False, True]
            assert left(call)[0] - started == 30
        desk.clock.advance(days=1)
    assert happened >= 4


@pytest.mark.parametrize("turn", [0, 1])
def test_a_form_that_is_sent_again_after_a_crash_is_done_and_counted_once(
    desk: Desk, call: Call, monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    faulty = Faulty(desk.table.client)
    monkeypatch.setattr(desk.table, "client", faulty)
    for position in range(20):
        key, started = f"form {position}", left(call)[0]
        fault = list(Fault)[(position + 2 * turn + 1) % 4]
        faulty.arrange(position, trouble(fault))
        try:
            desk.edit(ANN, key, remaining=started + 30)
        except (Killed, OrchardError):
            forget()
        happened = faulty.clear()
        made = desk.edit(ANN, key, remaining=started + 30)
        rest = desk.edit(ANN, f"rest {position}", add_to_balance=20)

        assert not granting_caps.is_request(made)
        assert not granting_caps.is_request(rest)
        assert left(call)[0] - started == 50
        desk.clock.advance(days=1)
        if not happened:
            break
    assert position > 3


def test_a_refused_edit_gives_back_what_was_counted(desk: Desk, call: Call) -> None:
    code = refused(lambda: desk.edit(ANN, "a", add_to_balance=50, if_version=0))
    late = {"add_to_balance": 50, "balance_id": "none"}

    assert code == "version_conflict"
    assert refused(lambda: desk.edit(ANN, "b", **late)) == "invalid_request"
    assert not granting_caps.is_request(desk.edit(ANN, "c", add_to_balance=50))
    assert left(call)[0] == 90


def test_usage_in_between_does_not_make_an_absolute_edit_grant_more_than_counted(
    desk: Desk, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To 60 from 40 is 20; to 60 from 0, after all was used, is more than the cap."""
    faulty = Faulty(desk.table.client)
    monkeypatch.setattr(desk.table, "client", faulty)
    asked = {"customer_id": "user_1", "feature_id": "messages", "value": 40}

    def used(act: Callable[[], Any]) -> Any:
        call("balances.track", asked)
        return act()

    forget()
    for position in range(2, 5):
        faulty.arrange(position, used)
        made = desk.edit(ANN, f"form {position}", remaining=60)
        assert faulty.clear()
        if granting_caps.is_request(made):
            break
        desk.clock.advance(days=1)
        desk.edit(EVE, f"back {position}", remaining=40)
    assert granting_caps.is_request(made)
    assert left(call)[0] == 0
    assert not granting_caps.is_request(desk.edit(ANN, "whole cap", add_to_balance=50))


def test_a_request_keeps_what_was_asked_for_and_what_the_preview_said(desk: Desk) -> None:
    made = desk.asked(add_to_balance=HALF, reason="An outage", reference="T-1")
    approval = desk.look(made)
    seen = approval.seen

    assert desk.asked(add_to_balance=HALF) == made
    assert approval.operation == "balances.update"
    assert approval.body["reason"] == "An outage"
    assert approval.body["add_to_balance"] == HALF
    assert approval.asked_by == "user:ann@example.com"
    assert (approval.units, approval.cap) == (HALF, 50)
    assert seen
    assert (seen["before"]["remaining"], seen["after"]["remaining"]) == (40, Decimal("540.5"))
    assert seen["version"] > 0


def test_approving_edits_once_and_the_audit_trail_names_both(
    desk: Desk, call: Call, table: Table
) -> None:
    made = desk.asked(add_to_balance=500, reason="An outage")
    assert refused(lambda: desk.approve(BOB, made)) == "role_not_sufficient"
    now_admin = a_user(Role.ADMIN, "ann")
    assert refused(lambda: desk.approve(now_admin, made)) == "not_for_oneself"
    desk.clock.advance(seconds=1)
    change_id = desk.approve(EVE, made, "All right")
    assert refused(lambda: desk.approve(ZOE, made)) == "request_decided"
    decline = approving.decline
    assert refused(lambda: decline(desk.session(EVE), EVE, made, "No")) == "request_decided"
    recording.catch_up(table)
    request = parse(ListChangesRequest, {"customer_id": "user_1"})
    change = changes.list_changes(desk.session(EVE), request)["list"][0]
    decision = desk.look(made).decision

    assert left(call)[0] == 540
    assert (change["id"], change["actor"]["name"]) == (change_id, "eve@example.com")
    assert change["reason"] == "An outage"
    assert change["details"] == {
        "approval_id": made,
        "asked_by": "user:ann@example.com",
        "approval_note": "All right",
    }
    assert decision
    assert (decision.state, decision.change_id) == (State.APPROVED, change_id)


@pytest.mark.parametrize("rival", ["approve", "decline", "withdraw"])
def test_of_two_decisions_at_once_one_holds(
    desk: Desk, call: Call, monkeypatch: pytest.MonkeyPatch, rival: str
) -> None:
    acts: dict[str, Callable[[str], object]] = {
        "approve": lambda one: desk.approve(ZOE, one),
        "decline": lambda one: approving.decline(desk.session(ZOE), ZOE, one, "No"),
        "withdraw": lambda one: approving.withdraw(desk.session(ANN), ANN, one),
    }
    made, real = desk.asked(), desk.table.client.transact_write_items

    def first(**arguments: Any) -> Any:
        monkeypatch.setattr(desk.table.client, "transact_write_items", real)
        acts[rival](made)
        return real(**arguments)

    monkeypatch.setattr(desk.table.client, "transact_write_items", first)

    assert refused(lambda: desk.approve(EVE, made)) == "request_decided"
    assert left(call)[0] == (540 if rival == "approve" else 40)


def test_an_approval_that_is_interrupted_is_made_whole_or_not_at_all(
    desk: Desk, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty = Faulty(desk.table.client)
    monkeypatch.setattr(desk.table, "client", faulty)
    for position in range(20):
        made, started = desk.asked(key=str(position)), left(call)[0]
        faulty.arrange(position, trouble((Fault.KILLED_AFTER, Fault.KILLED_BEFORE)[position % 2]))
        try:
            desk.approve(EVE, made)
        except Killed:
            forget()
        if not faulty.clear():
            break
        if desk.state(made) is State.WAITING:
            assert left(call)[0] == started
            desk.approve(EVE, made)
        assert left(call)[0] == started + 500
        assert desk.state(made) is State.APPROVED
    assert position > 3


def test_what_cannot_be_done_any_more_stays_open_until_it_expires(desk: Desk, call: Call) -> None:
    until = desk.clock.now + 3 * DAY
    late = desk.asked(key="late", add_to_balance=500, ends_at=until)
    moved = desk.asked(key="moved")
    renamed = {"customer_id": "user_1", "new_customer_id": "user_2"}
    assert call("customers.update", renamed).status == 200
    a_customer(call)
    desk.clock.advance(days=4)

    assert refused(lambda: desk.approve(EVE, late)) == "invalid_inputs"
    assert desk.state(late) is State.WAITING
    desk.approve(EVE, moved)
    assert balance(call, customer_id="user_2")["remaining"] == 540
    gone = desk.asked(key="gone", add_to_balance=77, customer_id="user_2")
    assert call("customers.delete", {"customer_id": "user_2"}).status == 200
    assert refused(lambda: desk.approve(EVE, gone)) == "customer_not_found"
    assert desk.state(gone) is State.WAITING
    desk.clock.advance(ms=LIFE_MS)
    assert desk.state(gone) is State.EXPIRED
    assert refused(lambda: desk.approve(EVE, gone)) == "request_decided"


def test_only_the_asker_withdraws_and_a_refusal_says_why(desk: Desk, call: Call) -> None:
    made, other = desk.asked(), desk.asked(key="other")

    assert refused(lambda: approving.withdraw(desk.session(BOB), BOB, made)) == "not_for_others"
    approving.withdraw(desk.session(ANN), ANN, made)
    assert desk.state(made) is State.WITHDRAWN
    assert refused(lambda: desk.approve(EVE, made)) == "request_decided"
    assert refused(lambda: approving.decline(desk.session(EVE), EVE, other, " "))
    approving.decline(desk.session(EVE), EVE, other, "Too much")
    decision = desk.look(other).decision
    assert decision
    assert (decision.by, decision.note) == ("user:eve@example.com", "Too much")
    assert refused(lambda: desk.look("apr_none")) == "approval_not_found"
    assert left(call)[0] == 40


def test_of_two_changes_of_the_caps_at_once_one_is_refused(desk: Desk) -> None:
    kept = capping.caps(desk.session(EVE), EVE)
    capping.change(desk.session(EVE), EVE, Caps(Decimal(7)), kept.version)

    with pytest.raises(Conflict):
        capping.change(desk.session(ZOE), ZOE, Caps(Decimal(9)), kept.version)
    now = capping.caps(desk.session(ZOE), ZOE)
    assert (now.caps.default, now.changed_by) == (7, "user:eve@example.com")
    wrong = Caps(by_feature={"nothing": Decimal(1)})
    assert refused(lambda: capping.change(desk.session(EVE), EVE, wrong, now.version))
    below = Caps(Decimal(-1))
    assert refused(lambda: capping.change(desk.session(EVE), EVE, below, now.version))
