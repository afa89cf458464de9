"""A server that holds files, asked by way of obstore (Apache's object_store).

obstore retries requests with growing waits, resumes a broken body, asks for ranges and for unchanged objects, follows
redirections and knows proxies. It is an extra: nothing else needs it.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ..errors import InputError

__all__ = [
    "ChangedError",
    "FetchError",
    "Patience",
    "Published",
    "RefusedError",
    "Store",
    "WebFolder",
    "as_fetch_errors",
    "needs_obstore",
]

CHUNK: Final = 1 << 18  # bytes; what a broken connection can lose
_CHANGED: Final = "the file on the server keeps changing"
_SECOND: Final = datetime.timedelta(seconds=1)
_WHOLE_FILE: Final = datetime.timedelta(hours=6)  # however slow the connection


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

    def as_store_options(self, allow_http: bool) -> dict[str, Any]:
        """Return the arguments of a store of obstore that say it.

        Parameters
        ----------
        allow_http : bool
            Whether the connection may be without encryption.
        """
        return {
            "client_options": {
                "allow_http": allow_http,
                "connect_timeout": self.silence * _SECOND,
                "read_timeout": self.silence * _SECOND,
                "timeout": _WHOLE_FILE,
            },
            "retry_config": {
                "max_retries": self.retries,
                "retry_timeout": _WHOLE_FILE,
                "backoff": {
                    "init_backoff": self.first_wait * _SECOND,
                    "max_backoff": self.longest_wait * _SECOND,
                    "base": 2,
                },
            },
        }


@dataclass(frozen=True)
class Published:
    """One object of a server: its key, size in bytes, ETag (in quotes; None if it is weak or absent) and ISO time."""

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


class _PublishedOnWeb(Published):
    """A file of a web server, whose ETag may be anything."""

    @property
    def md5(self) -> None:
        """None: only the ETag of a bucket is an MD5."""
        return None


class Store:
    """A server of files; its methods raise `FetchError` where they cannot answer.

    Parameters
    ----------
    store : obstore store
        Asked for the files.
    address : str
        Below which the keys lie, for messages.
    patience : Patience
        How long to wait.
    published : type, default Published
        How an object is described.
    """

    def __init__(self, store: Any, address: str, patience: Patience, published: type[Published] = Published) -> None:
        self.address = address
        self.patience = patience
        self._store = store
        self._published = published

    async def head(self, key: str) -> Published:
        """Ask what an object is now."""
        with as_fetch_errors():
            return self._published.of(await self._store.head_async(key))

    async def read(self, listed: Published, start: int = 0) -> AsyncIterator[bytes]:
        """Yield the bytes of an object from byte `start` on; `ChangedError` when it is no longer the listed one."""
        options: dict[str, Any] = {"if_match": listed.etag} if listed.etag else {}
        if start:
            options["range"] = {"offset": start}
        with as_fetch_errors():
            result = await self._store.get_async(listed.key, options=options)
            now = self._published.of(result.meta)
            # A server need not know If-Match.
            if now.size != listed.size or (now.etag and listed.etag and now.etag != listed.etag):
                raise ChangedError(_CHANGED)
            async for chunk in result.stream(min_chunk_size=CHUNK):
                yield chunk


class WebFolder(Store):
    """The files below an address of a web server, by their names.

    Parameters
    ----------
    address : str
        Such as ``https://example.org/folder``; one that begins with ``http://`` is not encrypted.
    patience : Patience, optional
        How long to wait.

    Raises
    ------
    InputError
        When obstore is not installed.
    """

    def __init__(self, address: str, patience: Patience | None = None) -> None:
        with needs_obstore():
            from obstore.store import HTTPStore
        wait = patience or Patience()
        store = HTTPStore.from_url(address, **wait.as_store_options(address.startswith("http://")))
        super().__init__(store, address, wait, _PublishedOnWeb)


@contextlib.contextmanager
def needs_obstore() -> Iterator[None]:
    """Say how obstore is installed where it cannot be imported."""
    try:
        yield
    except ImportError as error:
        raise InputError(
            "Fetching needs the package obstore, which is not installed: install it with 'pip install obstore', "
            "or fastbench with its extra 'fetch'."
        ) from error


@contextlib.contextmanager
def as_fetch_errors() -> Iterator[None]:
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
        first = re.sub(r"^Generic \w+ error: ", "", str(error).partition("\n")[0])
        if status := re.search(r"status code: (\d+[\w ]*)", first):
            raise FetchError(f"the server answers {status[1]}") from error
        said = first.rpartition(" - ")[2][:200] or type(error).__name__
        raise FetchError(f"the connection failed ({said})") from error
