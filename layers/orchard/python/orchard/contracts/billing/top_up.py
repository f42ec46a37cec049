"""The message that a balance is low which is topped up by itself."""

from orchard.contracts.fields import Whole
from orchard.contracts.message import Message


class TopUpDue(Message):
    """A use left little of a feature, or a check was denied.

    `customer_id` is the internal one, `seq` that of the balance after the use; 0 of a check.
    """

    customer_id: str
    feature_id: str
    seq: Whole
