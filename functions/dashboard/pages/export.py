"""GET /dashboard/export, /dashboard/export/parts and /dashboard/export.csv"""

from aws_lambda_powertools.event_handler import Response

from dashboard.customers import export_chunks, filter_words
from dashboard.customers.export_chunks import PAGE, Asked, Chunk
from dashboard.customers.export_rows import DETAILS, instant
from dashboard.customers.listing import explained
from dashboard.figures import number
from dashboard.frame.routes import Pages
from dashboard.frame.visits import Visit, query, visit
from orchard.domain.users import Act
from orchard.errors import OrchardError
from orchard.triggers import http
from orchard.usecases import features

router = Pages()

_ROWS = f"{PAGE}.csv"
_DAY = 10


@router.get(PAGE)
def index() -> Response[str]:
    """Show what would be exported, and what of it can be chosen."""
    visitor, asked = _asked()
    return _page(visitor, asked)


@router.get(f"{PAGE}/parts")
def parts() -> Response[str]:
    """Show where to load one part of the file, and where to go on: for those without scripts."""
    visitor, asked = _asked()
    this = asked._replace(part=asked.part or "1")
    try:
        found = export_chunks.chunk(visitor, this)
    except OrchardError as refused:
        return _page(visitor, asked, explained(refused), http.status_of(refused))
    part = int(this.part)
    following = this._replace(cursor=found.cursor or "", shape=found.shape, part=str(part + 1))
    return visitor.page(
        "customers/export_parts.html",
        back=asked.filters.address,
        start=Asked(asked.filters, asked.details, asked.balances).at(PAGE),
        part=part,
        customers=number(found.customers),
        load=this._replace(shape=found.shape).at(_ROWS),
        following=following.at(f"{PAGE}/parts") if found.cursor else "",
    )


@router.get(_ROWS)
def rows() -> Response[str]:
    """Return a chunk of the file, and in headers where the next one begins.

    What is wrong is said in plain text, for the script that asks.
    """
    visitor, asked = _asked()
    try:
        found = export_chunks.chunk(visitor, asked)
    except OrchardError as refused:
        headers = {"cache-control": "no-store"}
        status = http.status_of(refused)
        return Response(status, "text/plain; charset=utf-8", explained(refused), headers=headers)
    name = file_name(visitor, asked.part)
    return Response(
        200,
        "text/csv; charset=utf-8",
        found.text,
        headers=_headers(found) | {"content-disposition": f'attachment; filename="{name}"'},
        compress=True,
    )


def file_name(visitor: Visit, part: str = "") -> str:
    """Return what the file is called: `orchard-customers-live-2026-09-30.csv`."""
    day = instant(visitor.now)[:_DAY]
    ending = f"-part-{part}" if part else ""
    return f"orchard-customers-{visitor.current.environment}-{day}{ending}.csv"


def _asked() -> tuple[Visit, Asked]:
    visitor = visit(router)
    visitor.current.user.must(Act.VIEW)
    return visitor, Asked.of(query(visitor.event))


def _headers(found: Chunk) -> dict[str, str]:
    return {
        "cache-control": "no-store",
        "x-next-cursor": found.cursor or "",
        "x-customers": str(found.customers),
        "x-shape": found.shape,
    }


def _page(visitor: Visit, asked: Asked, failed: str = "", status: int = 200) -> Response[str]:
    known = features.every(visitor.session)["list"]
    filters = asked.filters
    return visitor.page(
        "customers/export.html",
        status,
        failed=failed,
        back=filters.address,
        words=filter_words.in_words(visitor.session, filters),
        asked=asked,
        details=DETAILS,
        balances=export_chunks.options(known),
        rows=_ROWS,
        parts=f"{PAGE}/parts",
        file=file_name(visitor),
        most=export_chunks.MOST_CUSTOMERS,
    )
