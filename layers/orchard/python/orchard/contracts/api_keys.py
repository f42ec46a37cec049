"""Requests about API keys; only operators of the deployment can make them."""

from typing import Literal

from pydantic import Field

from orchard.contracts.request import Request


class CreateApiKeyRequest(Request):
    """Mint a key for one environment of one organisation."""

    environment: Literal["sandbox", "live"]
    name: str = Field(min_length=1, max_length=100)
    kind: Literal["secret", "publishable"] = "secret"
    organization: str = Field(default="org", pattern=r"^[a-z0-9_-]{1,40}$")
