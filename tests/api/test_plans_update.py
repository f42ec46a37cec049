"""plans.update: versions, changes in place, other ids, and plans.delete."""

from typing import Any

import pytest

from orchard.domain.catalog import Plan
from orchard.domain.customer import CustomerPlan
from orchard.store import catalog, customer_plans, customers
from orchard.store.session import Session
from tests.builders import a_customer, a_feature, a_plan, balance, lifetime, monthly
from tests.conftest import Call, Clock
from tests.harness import Response

MORE = {"items": [{"feature_id": "messages", "included": 200, "reset": {"interval": "month"}}]}


@pytest.fixture(autouse=True)
def _feature(call: Call) -> None:
    a_feature(call)


@pytest.fixture
def held(call: Call) -> None:
    """The plan `free`, held by `user_1`."""
    a_plan(call, "free", auto_enable=True)
    a_customer(call)


@pytest.fixture
def left(call: Call, clock: Clock) -> None:
    """The plan `free`, held by nobody any more."""
    a_plan(call, "free")
    a_plan(call, "other", lifetime("messages", 1))
    a_customer(call)
    for plan_id in ("free", "other"):
        clock.advance(seconds=1)
        body = {"customer_id": "user_1", "plan_id": plan_id}
        assert call("billing.attach", body).status == 200


def update(call: Call, **fields: Any) -> Response:
    return call("plans.update", {"plan_id": "free", **fields})


def changed(call: Call, **fields: Any) -> dict[str, Any]:
    answered = update(call, **fields)
    assert answered.status == 200, answered
    body: dict[str, Any] = answered.body
    assert call("plans.get", {"plan_id": body["id"], "version": body["version"]}).body == body
    return body


def included(call: Call, version: int | None = None) -> int:
    asked = {"plan_id": "free"} if version is None else {"plan_id": "free", "version": version}
    amount: int = call("plans.get", asked).body["items"][0]["included"]
    return amount


def refused(answered: Response, status: int, code: str, message: str) -> None:
    assert (answered.status, answered.body["code"]) == (status, code), answered
    assert answered.body["message"] == message


CONTENT: list[dict[str, Any]] = [
    MORE,
    {"price": {"amount": 25, "interval": "month"}, "auto_enable": False},
    {"free_trial": {"duration_length": 7, "card_required": False}},
    {"billing_controls": {"overage_allowed": [{"feature_id": "messages", "enabled": True}]}},
]
DETAILS: list[dict[str, Any]] = [
    {"name": "Starter"},
    {"description": "For all"},
    {"group": "main"},
    {"metadata": {"a": 1}},
    {"auto_enable": False},
    {"archived": True},
    {"add_on": True},
    {"config": {"ignore_past_due": True}},
]


@pytest.mark.usefixtures("held")
class TestAPlanThatCustomersHold:
    @pytest.mark.parametrize("fields", CONTENT)
    def test_gets_a_new_version_when_what_it_gives_changes(
        self, call: Call, clock: Clock, fields: dict[str, Any]
    ) -> None:
        before = call("plans.get", {"plan_id": "free"}).body
        now = clock.advance(days=1)

        after = changed(call, **fields)

        assert (after["version"], after["created_at"]) == (2, now)
        assert call("plans.get", {"plan_id": "free"}).body == after
        older = call("plans.get", {"plan_id": "free", "version": 1}).body
        assert older == before | {"auto_enable": False}

    @pytest.mark.parametrize("fields", DETAILS)
    def test_keeps_its_version_when_anything_else_changes(
        self, call: Call, fields: dict[str, Any]
    ) -> None:
        after = changed(call, **fields)

        assert after["version"] == 1
        assert {name: after[name] for name in fields} == fields

    def test_keeps_its_version_when_nothing_changes(self, call: Call) -> None:
        same = [{"feature_id": "messages", "included": 100.0, "reset": {"interval": "month"}}]

        assert changed(call, items=same)["version"] == 1
        assert changed(call)["version"] == 1

    def test_leaves_its_customers_what_they_have(self, call: Call) -> None:
        changed(call, **MORE)

        assert balance(call)["granted"] == 100
        a_customer(call, "user_2")
        assert balance(call, customer_id="user_2")["granted"] == 200

    def test_gets_further_versions_only_while_the_newest_is_held(self, call: Call) -> None:
        assert changed(call, **MORE)["version"] == 2
        assert changed(call, items=[monthly("messages", 300)])["version"] == 2
        a_customer(call, "user_2")
        assert changed(call, items=[monthly("messages", 400)])["version"] == 3
        assert [included(call, version) for version in (1, 2, 3)] == [100, 300, 400]

    def test_can_be_changed_in_place(self, call: Call) -> None:
        assert changed(call, **MORE, disable_version=True)["version"] == 1
        assert balance(call)["granted"] == 100

    def test_can_be_changed_in_an_older_version(self, call: Call) -> None:
        changed(call, **MORE)

        after = changed(call, version=1, items=[monthly("messages", 150)])

        assert after["version"] == 3
        assert [included(call, version) for version in (1, 2, 3)] == [100, 200, 150]

    def test_keeps_its_id(self, call: Call) -> None:
        answered = update(call, new_plan_id="starter")

        message = "Cannot change the id of a plan that customers have or had"
        refused(answered, 409, "plan_in_use", message)

    def test_is_not_deleted(self, call: Call) -> None:
        for body in ({"plan_id": "free"}, {"plan_id": "free", "all_versions": True}):
            refused(
                call("plans.delete", body),
                400,
                "invalid_request",
                "Cannot delete plan free: customers have it or had it. Archive it instead",
            )

    def test_loses_a_newer_version_that_nobody_ever_had(self, call: Call) -> None:
        changed(call, **MORE)

        assert call("plans.delete", {"plan_id": "free"}).status == 200
        assert included(call) == 100


@pytest.mark.usefixtures("left")
class TestAPlanThatCustomersOnlyHad:
    @pytest.mark.parametrize("fields", CONTENT)
    def test_f4_is_changed_in_place(self, call: Call, fields: dict[str, Any]) -> None:
        assert changed(call, **fields)["version"] == 1

    def test_keeps_its_id(self, call: Call) -> None:
        assert update(call, new_plan_id="starter").status == 409

    def test_is_not_deleted(self, call: Call) -> None:
        assert call("plans.delete", {"plan_id": "free"}).status == 400

    def test_gets_a_version_once_it_is_held_again(self, call: Call) -> None:
        a_customer(call, "user_2")
        call("billing.attach", {"customer_id": "user_2", "plan_id": "free"})

        assert changed(call, **MORE)["version"] == 2


def test_a_plan_of_a_deleted_customer_is_changed_in_place(call: Call) -> None:
    a_plan(call, "free", auto_enable=True)
    a_customer(call)
    call("customers.delete", {"customer_id": "user_1"})

    assert changed(call, **MORE)["version"] == 1
    assert call("plans.delete", {"plan_id": "free"}).status == 400


def test_a_plan_that_ended_by_itself_is_changed_in_place(
    call: Call, clock: Clock, session: Session
) -> None:
    a_plan(call, "free")
    customer_id = a_customer(call)["id"]
    hold_until(session, customer_id, ends_at=clock.now + 1000)
    assert changed(call, **MORE)["version"] == 2

    clock.advance(seconds=1)

    assert changed(call, version=1, items=[monthly("messages", 7)])["version"] == 1


def hold_until(session: Session, customer_id: str, ends_at: int) -> None:
    """Let a customer hold the plan `free` for a time, as a cancelled subscription does."""
    account = customers.require(session, customer_id)
    plan = catalog.read(session).plan("free")
    held = CustomerPlan(
        id="cus_prod_1",
        plan_id=plan.id,
        plan_version=plan.version,
        started_at=session.now,
        canceled_at=session.now,
        expires_at=ends_at,
    )
    one = account.customer._replace(version=account.customer.version + 1)
    session.commit(
        customers.put(session, one, (held,), session.stamp("attach")),
        customer_plans.put(session, one, held),
        *catalog.mark_plan(session, plan, one.internal_id),
    )
    catalog.forget(session)


class TestAnUnusedPlan:
    @pytest.mark.parametrize("fields", [*CONTENT, *DETAILS])
    def test_is_changed_in_place(self, call: Call, fields: dict[str, Any]) -> None:
        a_plan(call)

        after = changed(call, **fields)

        assert after["version"] == 1
        assert (
            len(call("plans.list", {"all_versions": True, "include_archived": True}).body["list"])
            == 1
        )

    def test_loses_price_trial_and_description_with_null(self, call: Call) -> None:
        trial = {"duration_length": 7, "card_required": False}
        a_plan(call, price={"amount": 5, "interval": "month"}, free_trial=trial, description="x")

        after = changed(call, price=None, free_trial=None, description=None)

        assert (after["price"], after["description"]) == (None, None)
        assert "free_trial" not in after

    def test_keeps_what_is_not_sent(self, call: Call) -> None:
        controls = {
            "overage_allowed": [{"feature_id": "messages", "enabled": True}],
            "spend_limits": [],
        }
        a_plan(call, "free", group="main", metadata={"a": 1}, billing_controls=controls)
        before = call("plans.get", {"plan_id": "free"}).body

        after = changed(call, billing_controls={"spend_limits": [{"feature_id": "messages"}]})

        entry = {"feature_id": "messages", "enabled": False}
        controls = before["billing_controls"] | {"spend_limits": [entry]}
        assert after == before | {"billing_controls": controls}

    def test_goes_back_to_the_default_group(self, call: Call) -> None:
        a_plan(call, "free", group="main")

        assert changed(call, group="")["group"] is None

    def test_takes_another_id_with_all_its_versions(self, call: Call) -> None:
        a_plan(call)
        changed(call, **MORE, force_version=True)

        after = changed(call, new_plan_id="starter")

        assert (after["id"], after["version"]) == ("starter", 2)
        assert call("plans.get", {"plan_id": "starter", "version": 1}).status == 200
        assert call("plans.get", {"plan_id": "free"}).status == 404

    def test_does_not_take_an_id_that_is_taken(self, call: Call) -> None:
        a_plan(call)
        a_plan(call, "starter")

        answered = update(call, new_plan_id="starter")

        refused(answered, 409, "product_id_already_exists", "Plan starter already exists")

    def test_f5_is_deleted(self, call: Call) -> None:
        a_plan(call)

        assert call("plans.delete", {"plan_id": "free"}).body == {"success": True}
        assert call("plans.get", {"plan_id": "free"}).status == 404

    def test_is_deleted_version_by_version_or_whole(self, call: Call) -> None:
        a_plan(call)
        changed(call, **MORE, force_version=True)
        changed(call, force_version=True)

        call("plans.delete", {"plan_id": "free"})
        assert call("plans.get", {"plan_id": "free"}).body["version"] == 2
        call("plans.delete", {"plan_id": "free", "all_versions": True})
        assert call("plans.get", {"plan_id": "free"}).status == 404


class TestTheFlagsOfVersions:
    def test_a_version_can_be_forced(self, call: Call) -> None:
        a_plan(call, "free", auto_enable=True)

        after = changed(call, name="Starter", force_version=True)

        assert (after["version"], after["name"], after["auto_enable"]) == (2, "Starter", True)
        older = call("plans.get", {"plan_id": "free", "version": 1}).body
        assert (older["name"], older["auto_enable"]) == ("Starter", False)

    def test_all_versions_can_be_changed_at_once(self, call: Call) -> None:
        a_plan(call, "free", auto_enable=True)
        a_customer(call)
        changed(call, **MORE)

        after = changed(call, items=[monthly("messages", 7)], all_versions=True)

        assert after["version"] == 2
        assert [included(call, version) for version in (1, 2)] == [7, 7]
        assert balance(call)["granted"] == 100

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("force_version", "disable_version"),
            ("force_version", "all_versions"),
            ("disable_version", "all_versions"),
        ],
    )
    def test_they_exclude_each_other(self, call: Call, first: str, second: str) -> None:
        a_plan(call)

        answered = update(call, **MORE, **{first: True, second: True})

        message = f"{first} and {second} exclude each other"
        refused(answered, 400, "conflicting_version_flags", message)

    def test_archiving_and_metadata_are_of_the_plan(self, call: Call) -> None:
        a_plan(call)
        changed(call, force_version=True)

        changed(call, archived=True, metadata={"a": 1})

        older = call("plans.get", {"plan_id": "free", "version": 1}).body
        assert (older["archived"], older["metadata"]) == (True, {"a": 1})

    def test_only_the_latest_version_can_come_by_itself(self, call: Call) -> None:
        a_plan(call)
        changed(call, force_version=True)

        answered = update(call, version=1, auto_enable=True)

        message = "auto_enable can only be set for the newest version of a plan"
        refused(answered, 400, "invalid_request", message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"price": {"amount": 5, "interval": "month"}},
            "Cannot make a plan auto-enable if it has prices on it.",
        ),
        (
            {
                "auto_enable": False,
                "price": {"amount": 5, "interval": "one_off"},
                "free_trial": {"duration_length": 1},
            },
            "One-off products cannot have a free trial",
        ),
        ({"base_plan_id": "other"}, "base_plan_id: not supported yet"),
        ({"variants": [{}]}, "variants: not supported yet"),
        ({"migration": {"draft": True}}, "migration: not supported yet"),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    call: Call, fields: dict[str, Any], message: str
) -> None:
    a_plan(call, "free", auto_enable=True)
    before = call("plans.get", {"plan_id": "free"}).body

    refused(update(call, **fields), 400, "invalid_request", message)
    assert call("plans.get", {"plan_id": "free"}).body == before


def test_a_default_stays_one_when_its_newest_version_is_deleted(call: Call) -> None:
    a_plan(call, "free", auto_enable=True)
    a_customer(call)
    items = [monthly("messages", 200)]
    assert call("plans.update", {"plan_id": "free", "items": items}).body["version"] == 2
    assert call("plans.delete", {"plan_id": "free"}).status == 200

    assert call("plans.get", {"plan_id": "free"}).body["auto_enable"] is True
    assert a_customer(call, "user_2")["balances"]["messages"]["granted"] == 100


def test_null_is_the_default_group(call: Call) -> None:
    a_plan(call, "free", group="storage")

    assert call("plans.update", {"plan_id": "free", "group": None}).body["group"] is None


def test_a_plan_cannot_become_the_second_default_of_its_group(call: Call) -> None:
    a_plan(call, "free", auto_enable=True)
    a_plan(call, "other", group="side", auto_enable=True)

    answered = update(call, group="side")

    message = "You have another default product (other): end its auto_enable first"
    refused(answered, 400, "invalid_request", message)


def test_an_unknown_plan_is_not_changed_or_deleted(call: Call) -> None:
    for verb, body in (("update", {"name": "x"}), ("delete", {})):
        answered = call(f"plans.{verb}", {"plan_id": "nothing", **body})
        refused(answered, 404, "product_not_found", "Plan nothing not found")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("resource", ["plans", "products"])
def test_over_rest_the_id_in_the_body_is_the_new_one(
    call: Call, method: str, resource: str
) -> None:
    a_plan(call)
    route, path = f"{method} /v1/{resource}/{{plan_id}}", {"plan_id": "free"}

    same = call("plans.update", {"id": "free", "name": "F"}, route=route, path=path)
    other = call("plans.update", {"id": "starter", "is_default": True}, route=route, path=path)

    assert (same.body["id"], same.body["name"]) == ("free", "F")
    assert (other.body["id"], other.body["auto_enable"]) == ("starter", True)


@pytest.mark.parametrize("resource", ["plans", "products"])
def test_over_rest_a_plan_is_deleted_by_its_path(call: Call, resource: str) -> None:
    a_plan(call)
    path, query = {"plan_id": "free"}, {"all_versions": "true"}

    route = f"DELETE /v1/{resource}/{{plan_id}}"
    deleted = call("plans.delete", "", route=route, path=path, query=query)

    assert deleted.body == {"success": True}


def test_a_plan_that_a_customer_takes_meanwhile_is_not_changed_in_place(
    call: Call, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change is decided on an unused plan; before it is saved, the first customer comes."""
    a_plan(call, "free", auto_enable=True)
    put_plan, arrivals = catalog.put_plan, ["user_1"]

    def after_an_arrival(session: Session, plan: Plan, *, new: bool) -> Any:
        while arrivals:
            a_customer(call, arrivals.pop())
        return put_plan(session, plan, new=new)

    monkeypatch.setattr(catalog, "put_plan", after_an_arrival)

    assert changed(call, **MORE)["version"] == 2
    assert included(call, 1) == 100
    assert catalog.read(session).plan("free", 1).used
