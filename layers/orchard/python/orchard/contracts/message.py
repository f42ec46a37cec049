"""What every message in a queue of ours says about the request that sent it."""

from typing import Literal

from orchard.contracts.fields import Timestamp
from orchard.contracts.request import Request


class Message(Request):
    """The tenant, who asked, and the time of the request, in UTC milliseconds."""

    tenant: str
    environment: Literal["sandbox", "live"]
    actor: str
    request_id: str
    accepted_at: Timestamp
