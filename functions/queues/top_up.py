"""The queue of balances of which little is left: more is bought where that is wished for"""

from orchard.contracts.billing.top_up import TopUpDue
from orchard.store.session import Session
from orchard.triggers.queue import queue
from orchard.usecases.billing.renewals import topping_up


@queue(TopUpDue)
def handler(message: TopUpDue, session: Session) -> str:
    """Buy more of a feature, if it is still time to."""
    return topping_up.work(session, message)
