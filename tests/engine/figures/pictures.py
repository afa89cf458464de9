"""What tests read from drawn files, and a way to draw the SVG alone."""

from __future__ import annotations

import html
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

_PNG = b"\x89PNG\r\n\x1a\n"


def png_size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head[:8] == _PNG
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def words(path: Path) -> str:
    """Texts of an SVG; letters are drawn as shapes, and each text stands in a comment beside them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return html.unescape("\n".join(line.strip()[5:-4] for line in lines if line.strip().startswith("<!-- ")))


@contextmanager
def no_pixels() -> Iterator[None]:
    """Write of a PNG no more than its size, for tests that read the words of the SVG: half the time of a page."""
    with _saving("svg"):
        yield


@contextmanager
def no_drawing() -> Iterator[None]:
    """Make pages, but do not draw them, for tests that look at tables: the files of figures are nearly empty."""
    with _saving():
        yield


@contextmanager
def _saving(*drawn: str) -> Iterator[None]:
    from matplotlib.figure import Figure

    save = Figure.savefig

    def save_some(figure: Figure, path: Path, *, format: str, dpi: int, **options: Any) -> None:
        if format in drawn:
            save(figure, path, format=format, dpi=dpi, **options)
        elif format == "png":
            size = (int(inches * dpi) for inches in figure.get_size_inches())
            path.write_bytes(_PNG + struct.pack(">I4sII", 13, b"IHDR", *size))
        else:
            path.write_text("<svg/>\n")

    with mock.patch.object(Figure, "savefig", save_some):
        yield
