"""A one-page PDF of an invoice, written by hand: three fonts' worth of text and a few lines."""

from collections.abc import Sequence
from typing import NamedTuple

_WIDTH, _HEIGHT = 595, 842
_FONTS = ("Helvetica", "Helvetica-Bold")
#: Widths of letters in Helvetica, as parts of its size.
_WIDTHS = (
    ("ijl'", 0.222),
    (" .,:;!/ftI", 0.278),
    ("-r()", 0.333),
    ("ckszvxyJ", 0.5),
    ("mM", 0.833),
    ("ABCDEFGHKLNOPQRSTUVWXYZw", 0.69),
)
_OTHER_WIDTH = 0.556


class Text(NamedTuple):
    """A text at a place, in points from the lower left; `right` aligns its end there."""

    x: float
    y: float
    text: str
    size: int = 10
    bold: bool = False
    right: bool = False


class Rule(NamedTuple):
    """A thin line across the page."""

    y: float
    x: float = 56
    to: float = 539


def document(marks: Sequence[Text | Rule], title: str) -> bytes:
    """Return a PDF with these marks on its one page."""
    content = "\n".join(_mark(mark) for mark in marks).encode("cp1252", "replace")
    fonts = " ".join(f"/F{number} {4 + number} 0 R" for number in range(len(_FONTS)))
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] "
        f"/Resources << /Font << {fonts} >> >> /Contents {4 + len(_FONTS)} 0 R >>".encode(),
        *(_font(name) for name in _FONTS),
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        f"<< /Title ({_escaped(title)}) /Producer (Stripe double) >>".encode("cp1252", "replace"),
    ]
    return _assembled(parts)


def _font(name: str) -> bytes:
    encoding = "/Encoding /WinAnsiEncoding"
    return f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} {encoding} >>".encode()


def _mark(mark: Text | Rule) -> str:
    if isinstance(mark, Rule):
        return f"0.8 G 0.5 w {mark.x} {mark.y} m {mark.to} {mark.y} l S"
    x = mark.x - _width(mark) if mark.right else mark.x
    font = "F1" if mark.bold else "F0"
    return f"BT /{font} {mark.size} Tf {x:.1f} {mark.y} Td ({_escaped(mark.text)}) Tj ET"


def _width(mark: Text) -> float:
    """How wide a text is in Helvetica; capitals are taken to be equally wide."""
    widths = (
        next((width for letters, width in _WIDTHS if letter in letters), _OTHER_WIDTH)
        for letter in mark.text
    )
    return sum(widths) * mark.size


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _assembled(parts: list[bytes]) -> bytes:
    written, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(parts) + 1
    trailer = b"<< /Size %d /Root 1 0 R /Info %d 0 R >>" % (size, len(parts))
    return written + (
        b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n%b\nstartxref\n%d\n%%%%EOF\n"
        % (size, table, trailer, len(written))
    )
