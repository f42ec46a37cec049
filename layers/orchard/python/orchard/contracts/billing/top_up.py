"""The message that a balance is low which is topped up by itself."""

from orchard.contracts.fields import Whole
from orchard.contracts.message import Message


class TopUpDue(Message):
    """A use left little of a feature; `customer_id` is the internal one, `seq` the balance's."""

    customer_id: str
    feature_id: str
    seq: Whole
