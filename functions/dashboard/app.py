"""GET /dashboard and /dashboard/{proxy+}, POST /dashboard/{proxy+}"""

from dashboard.pages import (
    assets,
    balance_edit,
    customer,
    customers,
    environments,
    home,
    invitations,
    sign_in,
    undo,
    views,
)
from dashboard.serving import served

handler = served(
    assets.router,
    home.router,
    sign_in.router,
    invitations.router,
    environments.router,
    customers.router,
    customer.router,
    balance_edit.router,
    undo.router,
    views.router,
)
