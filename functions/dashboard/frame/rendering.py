"""Templates into HTML: everything that is put into them is escaped, and nothing may be missing."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashboard import figures
from dashboard.frame.asset_files import address

_FOLDER = Path(__file__).parent.parent / "templates"


def rendered(template: str, **context: Any) -> str:
    """Return a page; `template` is the name of a file."""
    return _environment().get_template(template).render(context)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # What is deployed does not change.
        auto_reload=False,
    )
    environment.globals["asset"] = address
    environment.filters |= {"iso": _iso, "utc": figures.moment, "combined": _combined}
    return environment


def _combined(first: dict[str, str], rest: dict[str, str]) -> dict[str, str]:
    """Choices, one after the other."""
    return first | rest


def _iso(time: int) -> str:
    """A time in milliseconds as machines read it."""
    moment = datetime.fromtimestamp(time / 1000, UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
