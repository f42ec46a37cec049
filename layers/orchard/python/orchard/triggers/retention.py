"""How long what happened is kept."""

import os


def days() -> int:
    """Return for how many days usage events are kept (EVENT_RETENTION_DAYS)."""
    return int(os.environ["EVENT_RETENTION_DAYS"])
