"""A bucket of the Cell Painting Gallery on this machine: lists and sends objects as S3 does, with faults on demand."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from fastbench.engine.cpjump import BATCH, SUFFIX

FOLDER = f"cpg0000-jump-pilot/source_4/workspace/profiles/{BATCH}"
PLATES = ("BR00116991", "BR00116992", "BR00116993", "BR00116994")


def key_of(plate: str, suffix: str = SUFFIX) -> str:
    return f"{FOLDER}/{plate}/{plate}{suffix}"


@functools.cache
def packed(seed: object, size: int = 1_000_000) -> bytes:
    """A gzip file of about `size` bytes that do not compress; the same for the same seed."""
    return gzip.compress(random.Random(str(seed)).randbytes(size), 1, mtime=0)


class Gallery(ThreadingHTTPServer):
    """Serves ``/cellpainting-gallery/<key>``.

    ``faults[key]`` is a list of what goes wrong with the next requests for that key, one after the other: a status
    code, ``("cut", part)`` (the connection ends in the middle), ``("flip",)`` (a wrong byte), ``("short",)`` (a body
    that is too short and says so), ``("wait", event)`` (half, then nothing until the event).
    ``always[key]`` goes wrong every time.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.faults: dict[str, list[Any]] = defaultdict(list)
        self.always: dict[str, Any] = {}
        self.every_third_cut = False
        self.ranges = self.conditions = True
        self.tells_etags = True
        self.page = 1000
        self.list_status = 200
        self.head_status: dict[str, int] = {}
        self.requests: list[tuple[str, str, str | None, str | None]] = []
        self.after: Callable[[str], None] = lambda key: None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def etag(self, key: str) -> str:
        return self.etags.get(key) or f'"{hashlib.md5(self.objects[key]).hexdigest()}"'

    def sent(self, key: str) -> list[str | None]:
        """The ranges that were asked of an object; None where it was asked for as a whole."""
        return [span for method, asked, span, _ in self.requests if method == "GET" and asked == key]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gallery

    def log_message(self, *arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        bucket, _, key = address.path.lstrip("/").partition("/")
        assert bucket == "cellpainting-gallery"
        assert "Authorization" not in self.headers
        if address.query:
            self._list(parse_qs(address.query))
            return
        gallery = self.server
        gallery.requests.append((self.command, key, self.headers.get("Range"), self.headers.get("If-Match")))
        if self.command == "GET":
            fault = gallery.faults[key].pop(0) if gallery.faults[key] else gallery.always.get(key)
            if gallery.every_third_cut and sum(item[0] == "GET" for item in gallery.requests) % 3 == 0:
                fault = ("cut", 0.6)
        else:
            fault = gallery.head_status.get(key)
        self._object(key, fault)
        gallery.after(key)

    def _list(self, query: dict[str, list[str]]) -> None:
        gallery = self.server
        assert query["list-type"] == ["2"]
        gallery.requests.append(("LIST", query["prefix"][0], query.get("continuation-token", [None])[0], None))
        keys = sorted(key for key in gallery.objects if key.startswith(query["prefix"][0]))
        start = int(query.get("continuation-token", ["0"])[0])
        shown = keys[start : start + gallery.page]
        more = start + gallery.page < len(keys)
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2023-01-01T00:00:00.000Z</LastModified>"
            + (f"<ETag>{escape(gallery.etag(key), {chr(34): '&quot;'})}</ETag>" if gallery.tells_etags else "")
            + f"<Size>{len(gallery.objects[key])}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in shown
        )
        token = f"<NextContinuationToken>{start + gallery.page}</NextContinuationToken>" if more else ""
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>cellpainting-gallery</Name>'
            f"<KeyCount>{len(shown)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}"
            "</ListBucketResult>"
        )
        self._send(gallery.list_status, text.encode(), {"Content-Type": "application/xml"})

    def _object(self, key: str, fault: Any) -> None:
        gallery = self.server
        if isinstance(fault, int) or key not in gallery.objects:
            self._send(fault or 404, b"<Error><Code>Said</Code></Error>", {})
            return
        etag = gallery.etag(key)
        if gallery.conditions and self.headers.get("If-Match", etag) != etag:
            self._send(412, b"<Error><Code>PreconditionFailed</Code></Error>", {})
            return
        body, status = gallery.objects[key], 200
        headers = {"Last-Modified": "Sun, 01 Jan 2023 00:00:00 GMT", **({"ETag": etag} if gallery.tells_etags else {})}
        span = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        kind = fault[0] if fault else ""
        if kind == "flip":
            body = body[:-100] + bytes([body[-100] ^ 1]) + body[-99:]
        if kind == "short":
            body = body[: len(body) // 2]
        if span and gallery.ranges:
            first, last = int(span[1]), min(int(span[2] or len(body) - 1), len(body) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            body, status = body[first : last + 1], 206
        self._send(status, body, headers, fault)

    def _send(self, status: int, body: bytes, headers: dict[str, str], fault: Any = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        kind = fault[0] if isinstance(fault, tuple) else ""
        with contextlib.suppress(ConnectionError):
            if kind in ("cut", "wait"):
                self.wfile.write(body[: int(len(body) * (fault[1] if kind == "cut" else 0.5))])
                self.wfile.flush()
                if kind == "cut":
                    time.sleep(0.02)  # else a busy client can meet the end before it has taken what was sent
                if kind == "wait":
                    fault[1].wait(60)
                self.close_connection = True
            else:
                self.wfile.write(body)


@contextlib.contextmanager
def served() -> Iterator[Gallery]:
    """A running gallery with one file of each of four plates, and others beside them."""
    with Gallery() as gallery:
        thread = threading.Thread(target=gallery.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        for plate in PLATES:
            gallery.objects[key_of(plate)] = packed(plate)
            gallery.objects[key_of(plate, "_normalized.csv.gz")] = b"not asked for"
            gallery.objects[f"{FOLDER}/{plate}/deeper/{plate}{SUFFIX}"] = b"not in the folder"
        yield gallery
        gallery.shutdown()
