"""GET /dashboard/assets/{digest}/{name}"""

from aws_lambda_powertools.event_handler import Response

from dashboard.frame.asset_files import asset, compressed
from dashboard.frame.routes import Pages
from orchard.errors import NotFound
from orchard.triggers import http

router = Pages()


@router.get("/dashboard/assets/<digest>/<name>")
def show(digest: str, name: str) -> Response[bytes]:
    """Return a file for ever; another content has another address."""
    found = asset(name)
    if found is None or found.digest != digest:
        raise NotFound("There is no such file")
    zipped = compressed(name)
    takes_gzip = "gzip" in (http.header(router.current_event.raw_event, "accept-encoding") or "")
    headers = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
    if takes_gzip and zipped is not None:
        headers["content-encoding"] = "gzip"
        return Response(200, found.content_type, zipped, headers=headers)
    return Response(200, found.content_type, found.content, headers=headers)
