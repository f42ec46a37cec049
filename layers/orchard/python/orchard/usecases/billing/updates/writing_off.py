"""What is owed for a subscription that ends overdue: given up, where that was chosen."""

from orchard.domain.billing.subscription import PAST_DUE, Subscription
from orchard.domain.customer import ACTIVE, CustomerPlan
from orchard.gateways import stripe_billing, stripe_options
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.usecases.billing.deal import Deal


def is_due(deal: Deal, held: CustomerPlan, gone: tuple[str, ...]) -> bool:
    """Whether what is owed for a plan is given up when it ends and some plans are gone.

    Only with the subscription as a whole: its invoices are for all of its plans together.
    """
    found = deal.subscription
    if found is None or held.stripe_subscription_id != found.id or held.status != ACTIVE:
        return False
    is_overdue = held.past_due or found.status in PAST_DUE
    return is_overdue and not deal.on_subscription(gone) and stripe_options.voids_unpaid()


def write_off(session: Session, account: Account, found: Subscription) -> None:
    """Void the unpaid invoices of a subscription that is over; those that are paid stay."""
    plans = [one for one in account.plans if one.stripe_subscription_id == found.id]
    is_owed = found.is_over and any(one.past_due for one in plans)
    if not is_owed or not stripe_options.voids_unpaid():
        return
    for invoice_id in stripe_billing.open_invoices(session.environment, found.id):
        stripe_billing.void(session.environment, invoice_id)
