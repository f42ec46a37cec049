"""Requests about dashboard users that only operators of the deployment can make."""

from typing import Literal

from pydantic import Field

from orchard.contracts.request import Request


class CreateDashboardUserRequest(Request):
    """Make a link with which somebody becomes a user of an organisation, or gets a new password."""

    email: str
    role: Literal["owner", "admin", "support", "viewer"] = "owner"
    organization: str = Field(default="org", pattern=r"^[a-z0-9_-]{1,40}$")
