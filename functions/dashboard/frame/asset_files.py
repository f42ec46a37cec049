"""The files that pages load: named by their digest, so that browsers may keep them for ever."""

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent.parent / "assets"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Asset(NamedTuple):
    """A file as it is sent; `digest` names its content."""

    content_type: str
    digest: str
    content: bytes


@cache
def asset(name: str) -> Asset | None:
    """Return a file by its name, our own or a vendored one; None if there is none."""
    path = _paths().get(name)
    if path is None:
        return None
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Asset(_TYPES[path.suffix], digest, content)


@cache
def compressed(name: str) -> bytes | None:
    """Return the content of a file, gzipped."""
    found = asset(name)
    return None if found is None else gzip.compress(found.content, mtime=0)


def address(name: str) -> str:
    """Return where a page finds a file. Errors: `KeyError` for a file that isn't there."""
    found = asset(name)
    if found is None:
        raise KeyError(name)
    return f"/dashboard/assets/{found.digest}/{name}"


@cache
def _paths() -> dict[str, Path]:
    return {path.name: path for path in _FOLDER.rglob("*") if path.suffix in _TYPES}
