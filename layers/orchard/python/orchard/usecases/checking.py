"""Whether a customer or an entity may use a feature: `balances.check`."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.contracts import balance as contract
from orchard.contracts.check_ids import check_id
from orchard.contracts.checking import Answer, CheckRequest, check_response
from orchard.contracts.feature import feature
from orchard.domain import decision, explaining, scope, summary
from orchard.domain.basis import Explanation
from orchard.domain.decision import Question
from orchard.domain.holding import State
from orchard.domain.pool import Use
from orchard.domain.previews import Lack
from orchard.domain.quantity import exact
from orchard.domain.scope import Subject
from orchard.domain.sources import Overage
from orchard.errors import Invalid
from orchard.store import catalog, ground
from orchard.store.session import Session
from orchard.usecases import locking, previewing, top_ups, tracking, using
from orchard.usecases.using import Usage, Used


class Asked(NamedTuple):
    """A check with the balances it is answered from."""

    request: CheckRequest
    costs: Mapping[str, Decimal]
    state: State
    subject: Subject
    #: Whose balances they are.
    internal_id: str = ""


def check(session: Session, request: CheckRequest) -> dict[str, Any]:
    """Tell whether the feature may be used; with `send_event` or `lock`, use it in the same step.

    A check alone is one read; a preview takes one more when it is denied. Errors: 404 for an
    unknown customer, entity or feature; 409 for a lock that is held; 400 for a use that is
    asked for with a publishable key.
    """
    uses = request.send_event or request.lock is not None
    if uses and session.public:
        raise Invalid("send_event and lock need a secret key")
    answer = (_use if uses else _look)(session, request)
    return check_response(request, answer)


def _look(session: Session, request: CheckRequest) -> Answer:
    costs = catalog.costs(session, request.feature_id)
    held = ground.load(session, request.customer_id, request.entity_id, costs)
    state = held.state(session.now)
    asked = Asked(request, costs, state, held.subject, held.owner.internal_id)
    name = answering(asked)
    answer = _answer(session, asked, name, allowed=decided(asked, name).allowed)
    if answer.balance is not None:
        answer.balance["version"] = held.version(name)
    return answer


def _use(session: Session, request: CheckRequest) -> Answer:
    locking.require_possible(session, request)
    details = {} if request.entity_id is None else {"entity_id": request.entity_id}
    usage = Usage(
        customer_id=request.customer_id,
        entity_id=request.entity_id,
        features=(request.feature_id,),
        value=request.required,
        overage=Overage.REJECT,
        last=tracking.event(
            session, request.feature_id, request.required, request.properties, **details
        ),
        properties=request.properties or {},
        flags=False,
        beside=locking.receipt(session, request),
    )
    used = using.use(session, usage)
    costs = catalog.costs(session, request.feature_id)
    whose = used.owner.internal_id if used.owner else ""
    asked = Asked(request, costs, used.state, used.subject, whose)
    shown = tracking.views(session, used, usage.features)
    name = _paying(session, asked, used, shown)
    answer = _answer(session, asked, name, allowed=used.recorded)
    return answer._replace(balances=shown)


def _paying(session: Session, asked: Asked, used: Used, shown: tracking.Views) -> str:
    """The feature that paid; if nothing was taken, the one that would answer."""
    if not used.movements:
        return answering(asked)
    name = tracking.chosen(catalog.cached(session), used, shown)
    return asked.request.feature_id if name is None else name


def answering(asked: Asked) -> str:
    """Name the feature whose balance answers: the one asked for, or a credit system that pays.

    Its own balance if that suffices, else the first credits held that do, else the first credits
    held, else its own balance; if nothing is held, the first credit system there is.
    """
    own, *systems = asked.costs
    if not systems:
        return own
    held = [name for name in asked.costs if _is_held(asked, name)]
    allowed = [name for name in held if decided(asked, name).allowed]
    pools = [name for name in held if name != own]
    return next(iter((*allowed, *pools, *held, *systems)))


def explained(now: int, asked: Asked, name: str, *, allowed: bool) -> Explanation:
    """Return why a check is answered as it is; `name` is the feature that answers."""
    request = asked.request
    properties = request.properties or {}
    use = Use(request.feature_id, request.required, asked.costs, properties=properties)
    decisions = {one: decided(asked, one) for one in asked.costs}
    basis = explaining.of_question(asked.state, asked.subject, use, decisions, name)
    return Explanation(now, request.feature_id, request.required, allowed, basis, request.entity_id)


def _is_held(asked: Asked, feature_id: str) -> bool:
    return next(scope.rows(asked.state, asked.subject, feature_id), None) is not None


def decided(asked: Asked, name: str) -> decision.Decision:
    """Return whether one of the features that can pay allows the use by itself."""
    """Return whether the balance of one feature, its own or credits', allows what is asked."""
    request = asked.request
    member = None
    if name != request.feature_id:
        member = (request.feature_id, asked.costs[name])
    required = exact(request.required * asked.costs[name])
    question = Question(name, required, request.properties or {}, member)
    return decision.decide(asked.state, asked.subject, question)


def _answer(session: Session, asked: Asked, name: str, *, allowed: bool) -> Answer:
    state, subject, expand = asked.state, asked.subject, asked.request.expand
    if not allowed:
        top_ups.ask(session, asked.internal_id, state, asked.costs)
    shown = feature(catalog.feature(session, name)) if expand else None
    on = summary.flag(row for _place, row in scope.rows(state, subject, name))
    return Answer(
        allowed=allowed,
        required=exact(asked.request.required * asked.costs[name]),
        balance=contract.shown(
            state, subject, name, shown if "balance.feature" in expand else None
        ),
        flag=on and contract.flag(on, name, shown if "flag.feature" in expand else None),
        preview=None if allowed else _preview(session, asked, name),
        check_id=None if allowed else _check_id(session, asked, name),
    )


def _check_id(session: Session, asked: Asked, name: str) -> str | None:
    """What decided goes along with the answer, so that a check remains a read."""
    return check_id(asked.internal_id, explained(session.now, asked, name, allowed=False))


def _preview(session: Session, asked: Asked, name: str) -> dict[str, Any] | None:
    request, state, subject = asked.request, asked.state, asked.subject
    if not request.with_preview:
        return None
    seen = [summary.seen(state, subject, one) for one in asked.costs]
    lack = Lack(
        feature=catalog.feature(session, request.feature_id),
        granted=any(one.rows or one.hidden for one in seen),
        remaining=decision.remaining(
            tuple(row for _place, row in scope.rows(state, subject, name))
        ),
        limit=decided(asked, name).limit,
    )
    return previewing.preview(session, request, lack)
