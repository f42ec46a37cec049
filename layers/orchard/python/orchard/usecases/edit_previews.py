"""What an edit of a balance would do, without doing it: `balances.preview_update`."""

from collections.abc import Iterable
from typing import Any

from orchard.contracts.checking import CheckRequest
from orchard.contracts.edit_previews import Bill, Effect, Outlook, edit_preview
from orchard.contracts.granting import UpdateBalanceRequest
from orchard.domain import charges, effects, sources
from orchard.domain.holding import State
from orchard.domain.money import MAIN_CURRENCY
from orchard.domain.quantity import ZERO
from orchard.domain.row import PRICED, Row
from orchard.store import catalog, customers, ground
from orchard.store.session import Session
from orchard.usecases import checking, editing
from orchard.usecases.checking import Asked
from orchard.usecases.editing import Planned


def preview_update(session: Session, request: UpdateBalanceRequest) -> dict[str, Any]:
    """Return what `balances.update` would make of a balance; nothing is written.

    Errors: as in `balances.update`.
    """
    return preview_of(session, request, editing.planned(session, request))


def preview_of(session: Session, request: UpdateBalanceRequest, plan: Planned) -> dict[str, Any]:
    """Return what an edit that is planned would make of a balance."""
    costs = catalog.costs(session, request.feature_id)
    around = _around(session, request, costs)
    one = CheckRequest(customer_id=request.customer_id, feature_id=request.feature_id)
    asked = Asked(one, costs, {**around, **plan.before}, plan.ground.subject)
    effect = Effect(
        subject=asked.subject,
        before=_outlook(asked),
        after=_outlook(asked._replace(state={**around, **plan.after})),
        changes=effects.changed(plan.before, plan.after),
        next_reset=effects.next_reset(plan.after, request.feature_id),
        bill=_bill(session, request, plan),
        version=plan.ground.version(request.feature_id),
    )
    return edit_preview(request, effect)


def _around(session: Session, request: UpdateBalanceRequest, costs: Iterable[str]) -> State:
    """The balances of credits that pay for the feature too: a check looks at them as well."""
    _own, *systems = costs
    if not systems:
        return {}
    held = ground.load(session, request.customer_id, request.entity_id, systems)
    return held.state(session.now)


def _outlook(asked: Asked) -> Outlook:
    return Outlook(asked.state, checking.decided(asked, checking.answering(asked)).allowed)


def _bill(session: Session, request: UpdateBalanceRequest, plan: Planned) -> Bill | None:
    """What usage beyond the balance is billed with; nothing where a control waives it.

    What other entities use of the same source counts: whole units and tiers are of all together.
    """
    if not any(
        sources.is_priced(held.own) for held in (*plan.before.values(), *plan.after.values())
    ):
        return None
    account = customers.require(session, request.customer_id)
    if account.customer.config.get("disable_overage_billing", False):
        return Bill(MAIN_CURRENCY, ZERO, ZERO)
    whole = ground.of_account(account, None, request.feature_id).state(session.now)
    before, after = (_priced({**whole, **state}) for state in (plan.before, plan.after))
    billed = (charges.of_rows(rows, MAIN_CURRENCY) for rows in (before, after))
    return Bill(MAIN_CURRENCY, *billed)


def _priced(state: State) -> list[Row]:
    """The rows whose overage is billed, at places where no spend limit lets it be free."""
    return [
        row
        for place, held in state.items()
        for row in held.own
        if row.overage == PRICED and not charges.is_waived(state, place)
    ]
