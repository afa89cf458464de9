"""Gzip data, expanded step by step: what expands to more than any table does is refused as soon as it is seen."""

from __future__ import annotations

import io
import zlib
from typing import Final

from ...errors import InputError
from ..errors import damaged_gzip_error

__all__ = ["MAX_EXPANDED_BYTES", "expand"]

# Data that expand beyond the first bound, or beyond the second at more than the ratio, are refused. DEFLATE cannot
# exceed about 1030 to 1; tables of numbers are below 10 to 1, and those of few labels below 100 to 1.
MAX_EXPANDED_BYTES = 64 * 2**30
SUSPECT_EXPANDED_BYTES = 2**28
SUSPECT_RATIO = 200
#: Packed bytes that are expanded at once: some megabytes at most come of them.
_STEP: Final = 2**14


def expand(data: bytes, shown: str) -> bytes:
    """Decompress gzip within bounds, as one or several members; damaged or cut-off data raises.

    Parameters
    ----------
    data : bytes
        The whole file.
    shown : str
        The path as the user gave it, for messages.

    Raises
    ------
    InputError
        For damaged data, and for data that expand to more than a table does: as soon as they do.
    """
    found = io.BytesIO()
    stream = zlib.decompressobj(31)  # 31: gzip, with its checksum verified
    try:
        for start in range(0, len(data), _STEP):
            rest = data[start : start + _STEP]
            while rest:
                if stream.eof:
                    if not rest.strip(b"\0"):  # padding, as tapes have it
                        break
                    stream = zlib.decompressobj(31)  # another member, as bgzip writes
                found.write(stream.decompress(rest))
                rest = stream.unused_data
            _check(found.tell(), min(start + _STEP, len(data)), len(data), shown)
        if not stream.eof:
            raise EOFError
    except (zlib.error, EOFError) as error:
        raise damaged_gzip_error(shown, error) from error
    return found.getvalue()


def _check(expanded: int, used: int, n_bytes: int, shown: str) -> None:
    """Refuse what has expanded to too much, of the bytes that were used so far."""
    if expanded > MAX_EXPANDED_BYTES or (expanded > SUSPECT_EXPANDED_BYTES and expanded > SUSPECT_RATIO * used):
        raise InputError(
            f"'{shown}' expands from {n_bytes} bytes to more than {expanded}, which no table of profiles does; if the "
            "file is genuine, decompress it first."
        )
