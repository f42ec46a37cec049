"""What `make dev` shows at first: a product with customers who have used it for two months."""

from local.demo.loading import load

__all__ = ["load"]
