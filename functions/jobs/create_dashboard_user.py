"""Invoked by an operator: make a link that lets somebody into the dashboard, and show it once."""

from typing import Any

from orchard.contracts.users import CreateDashboardUserRequest
from orchard.triggers.http import base_url
from orchard.triggers.job import Run, command
from orchard.usecases import first_users


@command(CreateDashboardUserRequest)
def handler(request: CreateDashboardUserRequest, run: Run) -> dict[str, Any]:
    """Make a link that can be used once, for a week."""
    return first_users.create(run.table, request, base_url({}), run.now)
