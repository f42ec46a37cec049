"""What `make dev` shows at first: a product with customers who have used it for two months."""

from local.demo import living, loading
from local.stack import Stack

__all__ = ["load"]


def load(stack: Stack) -> None:
    """Load the demo data into a stack that serves.

    Raises:
        Failed: something was refused; the message says what and why.

    """
    loading.load(stack.base_url, stack.key, stack.stripe_url)
    living.live(stack)
