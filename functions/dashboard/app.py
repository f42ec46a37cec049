"""GET /dashboard and /dashboard/{proxy+}, POST /dashboard/{proxy+}"""

from dashboard.pages import (
    account,
    assets,
    balance_edit,
    commands,
    customer,
    customers,
    environments,
    export,
    home,
    invitations,
    portal,
    sign_in,
    undo,
    upcoming,
    user,
    users,
    views,
    why,
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
    upcoming.router,
    portal.router,
    commands.router,
    balance_edit.router,
    undo.router,
    users.router,
    user.router,
    account.router,
    views.router,
    why.router,
    export.router,
)
