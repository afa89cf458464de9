"""What tests read from drawn files."""

from __future__ import annotations

import html
import struct
from pathlib import Path


def png_size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def words(path: Path) -> str:
    """Texts of an SVG; letters are drawn as shapes, and each text stands in a comment beside them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return html.unescape("\n".join(line.strip()[5:-4] for line in lines if line.strip().startswith("<!-- ")))
