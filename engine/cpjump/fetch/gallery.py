"""The Cell Painting Gallery: the published CPJUMP1 profiles in a public S3 bucket, read without an account.

The bucket is read with obstore, the Python face of Apache's object_store: one typed wheel with hardly a dependency
that lists page by page, tries again with growing waits, takes a broken body up where it broke, and knows proxies and
other S3 services. s3fs would bring botocore, aiohttp and a dozen more; with requests or pooch the listing and the
resuming would be written here. It is an extra: only ``fastbench cpjump fetch`` needs it.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from ...errors import InputError
from ..names import BATCH

__all__ = ["ABOUT", "Bucket", "Changed", "Interrupted", "Patience", "Published", "Refused", "address_of"]

BUCKET: Final = "cellpainting-gallery"
REGION: Final = "us-east-1"
PROFILES: Final = "cpg0000-jump-pilot/source_4/workspace/profiles"
CHUNK: Final = 1 << 18  # bytes; what a broken connection can lose

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


class Refused(Exception):  # noqa: N818  (outcomes of a request, not faults)
    """The server says no, and will say so again."""


class Changed(Exception):  # noqa: N818
    """The object is no longer the one that was listed."""


class Interrupted(Exception):  # noqa: N818
    """The server or the way to it failed, after all tries."""


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
        return min(self.first_wait * 2**failures, self.longest_wait)


@dataclass(frozen=True)
class Published:
    """One object of the bucket.

    Parameters
    ----------
    key : str
        Its name in the bucket.
    size : int
        In bytes.
    etag : str, optional
        In its quotes; None without one that tells bytes apart.
    modified : str
        ISO time.
    """

    key: str
    size: int
    etag: str | None
    modified: str

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.key.rpartition("/")[2]

    @property
    def md5(self) -> str | None:
        """The MD5 of its bytes, where the ETag is one.

        It is for an object uploaded in one piece. For one uploaded in n parts the ETag ends in ``-n`` and hashes
        hashes of parts whose size is not told.
        """
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
    """The bucket of the gallery, or a mirror of it.

    Parameters
    ----------
    endpoint : str, optional
        Address of another S3 service that holds a bucket of the same name, such as ``https://minio.example.org``.
    patience : Patience, optional
        How long to wait.

    Raises
    ------
    InputError
        When obstore is not installed, or the address is none.
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
            raise InputError(f"The endpoint '{endpoint}' is no address: give one such as https://minio.example.org.")
        self.patience = wait = patience or Patience()
        self.address = address_of(endpoint)
        second = datetime.timedelta(seconds=1)
        self._store: Any = S3Store(
            BUCKET,
            region=REGION,
            skip_signature=True,
            virtual_hosted_style_request=not endpoint,
            # Not `endpoint`: that one yields to AWS_ENDPOINT_URL_S3 of the environment, meant for other buckets.
            aws_endpoint_url_s3=endpoint.rstrip("/") if endpoint else self.address,
            client_options={
                "allow_http": (endpoint or "").startswith("http://"),
                "connect_timeout": wait.silence * second,
                "read_timeout": wait.silence * second,
                "timeout": datetime.timedelta(hours=6),  # of a whole file, over however slow a line
            },
            retry_config={
                "max_retries": wait.retries,
                "retry_timeout": datetime.timedelta(hours=6),
                "backoff": {
                    "init_backoff": wait.first_wait * second,
                    "max_backoff": wait.longest_wait * second,
                    "base": 2,
                },
            },
        )

    async def plate(self, name: str) -> list[Published]:
        """List the objects in the folder of a plate, not below it; none when there is no such folder.

        Raises
        ------
        Refused, Interrupted
            When the listing cannot be had.
        """
        import obstore

        folder = f"{PROFILES}/{BATCH}/{name}/"
        try:
            pages = obstore.list(self._store, prefix=folder)
            found = [_published(meta) async for page in pages for meta in page]
        except Exception as error:
            raise _outcome(error) from error
        return [item for item in found if item.key == folder + item.name]

    async def again(self, listed: Published) -> Published:
        """Ask anew what an object is, after it changed.

        Raises
        ------
        Refused, Interrupted
            When it is gone, or cannot be asked.
        """
        import obstore

        try:
            return _published(await obstore.head_async(self._store, listed.key))
        except Exception as error:
            raise _outcome(error) from error

    async def read(self, listed: Published, start: int = 0) -> AsyncIterator[bytes]:
        """Read an object from byte `start` on.

        Parameters
        ----------
        listed : Published
            The object as it was listed.
        start : int, default 0
            Above 0 the server must be able to send parts.

        Yields
        ------
        bytes
            What comes next.

        Raises
        ------
        Changed
            Before the first byte, when the object is no longer the listed one.
        Refused, Interrupted
            At any time.
        """
        import obstore

        options: Any = {"if_match": listed.etag} if listed.etag else {}
        if start:
            options["range"] = {"offset": start}
        try:
            result = await obstore.get_async(self._store, listed.key, options=options)
            now = _published(result.meta)
            # A server need not know If-Match.
            if now.size != listed.size or (now.etag and listed.etag and now.etag != listed.etag):
                raise Changed
            async for chunk in result.stream(min_chunk_size=CHUNK):
                yield chunk
        except (Changed, GeneratorExit):
            raise
        except Exception as error:
            raise _outcome(error) from error


def _published(meta: Any) -> Published:
    etag = meta["e_tag"] or ""
    # A weak ETag does not tell bytes apart; some servers leave the quotes out.
    strong = None if not etag or etag.startswith("W/") else '"' + etag.strip('"') + '"'
    return Published(meta["path"], meta["size"], strong, meta["last_modified"].isoformat(timespec="seconds"))


def _outcome(error: Exception) -> Exception:
    """Turn what obstore raises into the three outcomes there are; a fault of ours stays one."""
    from obstore import exceptions

    if isinstance(error, FileNotFoundError):
        return Refused("the server has no such file (404)")
    if isinstance(error, exceptions.PermissionDeniedError):
        return Refused("the server refuses access (403)")
    if isinstance(error, exceptions.UnauthenticatedError):
        return Refused("the server asks for an account (401)")
    if isinstance(error, exceptions.PreconditionError):
        return Changed()
    if isinstance(error, (exceptions.BaseError, OSError)):
        first = str(error).partition("\n")[0].removeprefix("Generic S3 error: ")
        if status := re.search(r"status code: (\d+[\w ]*)", first):
            return Interrupted(f"the server answers {status[1]}")
        return Interrupted(f"the connection failed ({first.rpartition(' - ')[2][:200] or type(error).__name__})")
    return error
