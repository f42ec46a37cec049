"""What happens to a customer: calls, and time that passes."""

from typing import Any

from tests import harness
from tests.acceptance.world import CUSTOMER, Ask, Step, World, seen
from tests.conftest import mint

# --- calls ------------------------------------------------------------------------------------


def ask(operation: str, **body: Any) -> Ask:
    """Any operation about the customer; fields that are None are left out."""
    sent = {name: value for name, value in body.items() if value is not None}
    return Ask(operation, {"customer_id": CUSTOMER, **sent})


def track(
    value: float | None = None,
    feature_id: str = "messages",
    entity: str | None = None,
    **more: Any,
) -> Ask:
    return ask("balances.track", feature_id=feature_id, value=value, entity_id=entity, **more)


def event(value: float, name: str = "action-event") -> Ask:
    return ask("balances.track", event_name=name, value=value)


def overflow(value: float, feature_id: str = "messages", entity: str | None = None) -> Ask:
    return track(value, feature_id, entity, overage_behavior="overflow")


def whole(value: float, feature_id: str = "messages", entity: str | None = None) -> Ask:
    """A track that wants all or nothing."""
    return track(value, feature_id, entity, overage_behavior="reject")


def too_much(value: float, feature_id: str = "messages", entity: str | None = None) -> Step:
    """A track that wants all or nothing, and gets nothing."""
    return refused(whole(value, feature_id, entity), 400, "insufficient_balance")


def check(
    required: float | None = None,
    feature_id: str = "messages",
    entity: str | None = None,
    **more: Any,
) -> Ask:
    return ask(
        "balances.check",
        feature_id=feature_id,
        required_balance=required,
        entity_id=entity,
        **more,
    )


def edit(feature_id: str = "messages", **fields: Any) -> Ask:
    return ask("balances.update", feature_id=feature_id, **fields)


def delete(feature_id: str = "messages", **fields: Any) -> Ask:
    return ask("balances.delete", feature_id=feature_id, **fields)


def lock(required: float, feature_id: str = "messages", *, lock_id: str = "lock") -> Ask:
    """Reserve; the answer says whether there was enough."""
    return check(required, feature_id, lock={"enabled": True, "lock_id": lock_id})


def confirm(value: float | None = None, *, lock_id: str = "lock") -> Ask:
    """Use what was reserved, or another amount."""
    body: dict[str, Any] = {"lock_id": lock_id, "action": "confirm"}
    return Ask("balances.finalize", body | ({} if value is None else {"override_value": value}))


def release(*, lock_id: str = "lock") -> Ask:
    return Ask("balances.finalize", {"lock_id": lock_id, "action": "release"})


def refused(wanted: Ask, status: int, code: str) -> Step:
    """The call fails so."""

    def failed(world: World) -> None:
        answered = world.ask(wanted.operation, wanted.body, wanted.headers)
        assert (answered.status, answered.body.get("code")) == (status, code), (wanted, answered)

    return failed


def publicly(wanted: Ask, status: int = 200, code: str | None = None) -> Step:
    """The check is asked for with a publishable key, and answered so."""

    def asked(world: World) -> None:
        key = mint(world.table, "sandbox", "publishable")
        body, route = wanted.body, "POST /v1/check"
        answered = world.call(wanted.operation, body, key=key, route=route)
        assert (answered.status, answered.body.get("code")) == (status, code), (wanted, answered)
        world.answer = answered.body

    return asked


# --- time -------------------------------------------------------------------------------------


def later(*, days: float = 0, seconds: float = 0) -> Step:
    return lambda world: world.clock.advance(days=days, seconds=seconds)


def reset(feature_id: str = "messages", entity: str | None = None) -> Step:
    """Wait until the balance has begun anew."""

    def waited(world: World) -> None:
        world.clock.now = seen(world, feature_id, entity)["next_reset_at"] + 1

    return waited


def swept(world: World) -> None:
    """The job that begins periods of balances that nobody touches has run."""
    del world
    event = harness.sample("jobs/reset_balances")
    done = harness.handler("jobs.reset_balances")(event, None)
    assert done is None or not done.get("ResetFailed"), done


def at_once(*steps: Step) -> Step:
    """Steps at the same instant."""

    def taken(world: World) -> None:
        world.ticking = False
        for step in steps:
            step(world)
        world.ticking = True

    return taken
