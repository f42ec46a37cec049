"""Fetch what the tests need besides Python packages, ahead of them: `python -m local.downloads`."""

import sys

from local import dynamodb, javascript
from local.processes import Failed


def main() -> None:
    """Fetch, unless it is here."""
    try:
        javascript.install()
        dynamodb.fetch()
    except Failed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
