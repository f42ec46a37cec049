"""Requests for an address by which nobody has followed it yet: fetched ahead, or for a preview."""

import re

from orchard.triggers import http
from orchard.triggers.http import Event

#: Headers that browsers say so by, and what they say.
_AHEAD = {
    "sec-purpose": ("prefetch", "prerender"),
    "purpose": ("prefetch", "preview"),
    "x-purpose": ("preview",),
    "x-moz": ("prefetch",),
}
#: What chat programs, mail filters and search engines call themselves.
_MACHINES = re.compile(
    r"bot\b|bot-|preview|externalhit|whatsapp|embedly|crawler|spider|safelinks", re.IGNORECASE
)
#: The query of whoever goes on from there, whatever they look like.
GO_ON = "go=on"


def is_preview(event: Event) -> bool:
    """Whether a request is to have no effect: no person asks for it, as far as can be told."""
    if event.get("rawQueryString") == GO_ON:
        return False
    return bool(_MACHINES.search(http.header(event, "user-agent") or "")) or any(
        said in (http.header(event, name) or "").lower()
        for name, some in _AHEAD.items()
        for said in some
    )
