"""The Cell Painting Gallery: the published CPJUMP1 profiles in a public S3 bucket, read without an account.

obstore (Apache's object_store) lists page by page, retries requests with growing waits, resumes a broken body, asks for
ranges and for unchanged objects, and knows proxies and other S3 services. It is an extra: nothing else needs it.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ...errors import InputError
from ..names import BATCH

__all__ = ["ABOUT", "Bucket", "ChangedError", "FetchError", "Patience", "Published", "RefusedError", "address_of"]

BUCKET: Final = "cellpainting-gallery"
PROFILES: Final = f"cpg0000-jump-pilot/source_4/workspace/profiles/{BATCH}"
CHUNK: Final = 1 << 18  # bytes; what a broken connection can lose
_CHANGED: Final = "the file on the server keeps changing"
_SECOND: Final = datetime.timedelta(seconds=1)
_WHOLE_FILE: Final = datetime.timedelta(hours=6)  # however slow the connection

#: What the data are, under which licence, and whom to cite.
ABOUT: Final = {
    "dataset": "CPJUMP1 (cpg0000-jump-pilot) of the Cell Painting Gallery",
    "licence": "CC0 1.0 Universal, https://creativecommons.org/publicdomain/zero/1.0/",
    "cite": [
        "Chandrasekaran et al., Three million images and morphological profiles of cells treated with matched chemical "
        "and genetic perturbations, Nature Methods 21, 1114-1121 (2024), https://doi.org/10.1038/s41592-024-02241-6",
        "Weisbart et al., Cell Painting Gallery: an open resource for image-based profiling, "
        "Nature Methods 21, 1775-1777 (2024), https://doi.org/10.1038/s41592-024-02399-z",
    ],
}


class FetchError(Exception):
    """A file could not be had, after all retries; its text says why, without a capital and a full stop."""


class RefusedError(FetchError):
    """The server refuses, and will refuse again."""


class ChangedError(FetchError):
    """The object is no longer the one that was listed."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server.

    Parameters
    ----------
    retries : int, default 8
        Tries after the first, of each request.
    first_wait, longest_wait : float, default 0.2 and 15
        Seconds between tries: they double, with a random part.
    silence : float, default 30
        Seconds without a byte after which a connection is given up.
    """

    retries: int = 8
    first_wait: float = 0.2
    longest_wait: float = 15.0
    silence: float = 30.0

    def wait(self, failures: int) -> float:
        """Return the seconds to wait after several failures."""
        return min(self.first_wait * 2.0**failures, self.longest_wait)


@dataclass(frozen=True)
class Published:
    """One object of the bucket: its key, size in bytes, ETag (in quotes; None if it is weak or absent) and ISO time."""

    key: str
    size: int
    etag: str | None
    modified: str

    @classmethod
    def of(cls, meta: Any) -> Published:
        """Take over what obstore tells of an object."""
        etag = meta["e_tag"] or ""
        # A weak ETag does not tell bytes apart; some servers leave the quotes out.
        strong = None if not etag or etag.startswith("W/") else '"' + etag.strip('"') + '"'
        return cls(meta["path"], meta["size"], strong, meta["last_modified"].isoformat(timespec="seconds"))

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.key.rpartition("/")[2]

    @property
    def md5(self) -> str | None:
        """The MD5 of its bytes, which the ETag of an object uploaded in one piece is; None for one of several parts."""
        etag = (self.etag or "").strip('"')
        return etag if re.fullmatch(r"[0-9a-f]{32}", etag) else None

    @property
    def version(self) -> str:
        """Twelve characters that differ when the object does."""
        return hashlib.sha256(f"{self.etag} {self.size} {self.modified}".encode()).hexdigest()[:12]


def address_of(endpoint: str | None) -> str:
    """Return the address below which keys lie: of the gallery, or of the bucket of that name on another service."""
    return f"{endpoint.rstrip('/')}/{BUCKET}" if endpoint else f"https://{BUCKET}.s3.amazonaws.com"


class Bucket:
    """The bucket of the gallery, or a mirror of it; its methods raise `FetchError` where they cannot answer.

    Parameters
    ----------
    endpoint : str, optional
        Address of another S3 service that holds a bucket of the same name, such as ``https://minio.example.org``.
    patience : Patience, optional
        How long to wait.

    Raises
    ------
    InputError
        When obstore is not installed, or the endpoint is not an address.
    """

    def __init__(self, endpoint: str | None = None, patience: Patience | None = None) -> None:
        try:
            from obstore.store import S3Store
        except ImportError as error:
            raise InputError(
                "Fetching needs the package obstore, which is not installed: install it with 'pip install obstore', "
                "or fastbench with its extra 'fetch'."
            ) from error
        if endpoint and not re.fullmatch(r"https?://[^/\s?#]+[^\s?#]*", endpoint):
            raise InputError(
                f"The endpoint '{endpoint}' is not an address: give one such as https://minio.example.org."
            )
        self.patience = wait = patience or Patience()
        self.address = address_of(endpoint)
        self._store: Any = S3Store(
            BUCKET,
            region="us-east-1",
            skip_signature=True,
            virtual_hosted_style_request=not endpoint,
            # Not `endpoint`: that one yields to AWS_ENDPOINT_URL_S3 of the environment, meant for other buckets.
            aws_endpoint_url_s3=endpoint.rstrip("/") if endpoint else self.address,
            client_options={
                "allow_http": (endpoint or "").startswith("http://"),
                "connect_timeout": wait.silence * _SECOND,
                "read_timeout": wait.silence * _SECOND,
                "timeout": _WHOLE_FILE,
            },
            retry_config={
                "max_retries": wait.retries,
                "retry_timeout": _WHOLE_FILE,
                "backoff": {
                    "init_backoff": wait.first_wait * _SECOND,
                    "max_backoff": wait.longest_wait * _SECOND,
                    "base": 2,
                },
            },
        )

    async def plate(self, name: str) -> list[Published]:
        """List the objects in the folder of a plate, not below it; none when there is no such folder."""
        folder = f"{PROFILES}/{name}/"
        with _told_as_fetch_errors():
            found = [Published.of(meta) async for page in self._store.list(prefix=folder) for meta in page]
        return [item for item in found if item.key == folder + item.name]

    async def head(self, key: str) -> Published:
        """Ask what an object is now."""
        with _told_as_fetch_errors():
            return Published.of(await self._store.head_async(key))

    async def read(self, listed: Published, start: int = 0) -> AsyncIterator[bytes]:
        """Yield the bytes of an object from byte `start` on; `ChangedError` when it is no longer the listed one."""
        options: dict[str, Any] = {"if_match": listed.etag} if listed.etag else {}
        if start:
            options["range"] = {"offset": start}
        with _told_as_fetch_errors():
            result = await self._store.get_async(listed.key, options=options)
            now = Published.of(result.meta)
            # A server need not know If-Match.
            if now.size != listed.size or (now.etag and listed.etag and now.etag != listed.etag):
                raise ChangedError(_CHANGED)
            async for chunk in result.stream(min_chunk_size=CHUNK):
                yield chunk


@contextlib.contextmanager
def _told_as_fetch_errors() -> Iterator[None]:
    """Turn what obstore raises into `FetchError`; any other error, which is an internal one, stays as it is."""
    from obstore import exceptions as obs

    try:
        yield
    except FileNotFoundError as error:
        raise RefusedError("the server has no such file (404)") from error
    except obs.PermissionDeniedError as error:
        raise RefusedError("the server refuses access (403)") from error
    except obs.UnauthenticatedError as error:
        raise RefusedError("the server asks for an account (401)") from error
    except obs.PreconditionError as error:
        raise ChangedError(_CHANGED) from error
    except (obs.BaseError, OSError) as error:
        first = str(error).partition("\n")[0].removeprefix("Generic S3 error: ")
        if status := re.search(r"status code: (\d+[\w ]*)", first):
            raise FetchError(f"the server answers {status[1]}") from error
        said = first.rpartition(" - ")[2][:200] or type(error).__name__
        raise FetchError(f"the connection failed ({said})") from error
