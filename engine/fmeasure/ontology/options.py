"""The options of ``fastbench ontology``. Imports nothing heavy: ``--help`` reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ...choices import did_you_mean
from ...downloads.store import Patience
from ...errors import InputError
from ...options import option
from .kept import NAME
from .known import KNOWN

__all__ = ["PACKAGED", "FetchOptions", "InfoOptions", "ShowOptions"]

#: The ontology that is there without fetching.
PACKAGED = "sample:cl"
_WHERE = "a file; sample:cl (the packaged Cell Ontology); or NAME[@RELEASE] of 'fastbench ontology fetch'"


@dataclass(frozen=True)
class FetchOptions:
    """Which release of which ontology is fetched, and where it goes.

    Raises
    ------
    InputError
        On a name that is not known and has no address, a name or release that cannot be part of a file name, an
        address that is none, or a SHA-256 that is none.
    """

    name: str = option(
        f"One of {', '.join(KNOWN)}; with --url any other name, by which it is called later.", positional=True
    )
    release: str = option("Release, as the ontology calls it, e.g. 2024-05-15. Left out: the newest.", "")
    output: Path | None = option("File to write, instead of keeping it in the cache.", None)
    sha256: str = option("SHA-256 that the file must have.", "")
    url: str = option("Address of the .obo or .json file, e.g. at a mirror, instead of the declared ones.", "")
    overwrite: bool = option("Fetch it again if it is kept; replace the file of --output.", False)
    patience: Patience = field(default_factory=lambda: Patience(retries=3))

    def __post_init__(self) -> None:
        """Refuse bad values."""
        name, _, release = self.name.partition("@")  # as it is called later
        if release and self.release and release != self.release:
            raise InputError(f"{self.name} names one release and --release {self.release} another; give one of them.")
        release = (self.release or release).removeprefix("v")
        called = NAME.fullmatch(f"{name}@{release}" if release else name)
        if called is None:
            what = f"{name!r} with the release {release!r}" if release else repr(name)
            raise InputError(f"{what} cannot be the name of an ontology: give one such as cl-basic.")
        if name not in KNOWN and not self.url:
            raise InputError(
                f"There is no ontology {name!r} that fastbench knows ({', '.join(KNOWN)})"
                f"{did_you_mean(name, KNOWN) or '.'} Give the address of another with --url."
            )
        if self.url and not re.fullmatch(r"https?://[^/\s?#]+(/[^/\s?#]+)+", self.url):
            raise InputError(
                f"url must be the address of a file, such as https://example.org/{name}.obo, without '?' and '#', but "
                f"it is '{self.url}'."
            )
        if self.sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", self.sha256):
            raise InputError(f"sha256 must be 64 hexadecimal digits, but it is '{self.sha256}'.")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "release", release)
        object.__setattr__(self, "sha256", self.sha256.lower())
        if self.output is not None:
            object.__setattr__(self, "output", Path(self.output).expanduser())

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the file may be, the first first."""
        return (self.url,) if self.url else KNOWN[self.name].addresses(self.release)


@dataclass(frozen=True)
class InfoOptions:
    """Of which ontology ``fastbench ontology info`` gives an account."""

    ontology: str | None = option(f"Which: {_WHERE}. Left out: a list of those that are here.", None, positional=True)
    root: str = option("Root, as 'fastbench fmeasure' takes it. Left out: that of the ontology, where it is known.", "")


@dataclass(frozen=True)
class ShowOptions:
    """Which term of which ontology ``fastbench ontology show`` shows."""

    term: str = option("Id (CL:0000084, CL_0000084 or its address), name or synonym.", positional=True)
    ontology: str = option(f"Which: {_WHERE}.", PACKAGED)
    relations: tuple[str, ...] = option(
        "Relations that lead to ancestors: is_a or is_a,part_of.", ("is_a",), many="comma"
    )
