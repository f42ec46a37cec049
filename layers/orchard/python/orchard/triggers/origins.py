"""Where a form was sent from: only pages of ours may change anything."""

from urllib.parse import urlsplit

from orchard.errors import Forbidden
from orchard.triggers import http
from orchard.triggers.http import Event


def refuse_foreign(event: Event) -> None:
    """Refuse a form that another site sends. Errors: `Forbidden`."""
    here = {http.header(event, "host"), urlsplit(http.base_url(event)).netloc}
    origin, site = http.header(event, "origin"), http.header(event, "sec-fetch-site")
    is_ours = urlsplit(origin).netloc in here if origin else site == "same-origin"
    if not is_ours or site not in (None, "same-origin"):
        raise Forbidden("This was not sent from its own page", "forbidden")
