"""Accounts of ontologies, as ``fastbench ontology info`` gives them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from ...results.digests import file_sha256
from .document import read_file
from .ids import find_id
from .kept import find_ontology, kept_ontologies, read_record
from .known import KNOWN
from .obo import Term
from .ontology import ROOT
from .options import PACKAGED, InfoOptions
from .read import RELATIONS, read_ontology

__all__ = ["describe_ontology", "list_ontologies"]


def list_ontologies() -> list[dict[str, Any]]:
    """Return the packaged ontology and those that are kept: name, release, bytes, SHA-256, date, address."""
    path = find_ontology(PACKAGED)
    packaged = {
        "ontology": PACKAGED,
        "release": read_file(PACKAGED).release,
        "bytes": path.stat().st_size,
        "sha256": file_sha256(path),
        "fetched": None,
        "source": "packaged with fastbench",
    }
    kept = [
        {
            "ontology": each.called,
            "release": each.release,
            "bytes": each.record["bytes"],
            "sha256": each.record["sha256"],
            "fetched": each.record["date"],
            "source": each.record["url"],
        }
        for each in kept_ontologies()
    ]
    return [packaged, *kept]


def describe_ontology(options: InfoOptions) -> dict[str, Any]:
    """Return an account of an ontology.

    Parameters
    ----------
    options : InfoOptions
        Which one, and below which root `fastbench fmeasure` would take it.

    Returns
    -------
    dict
        ``ontology`` (as given), ``path``, ``format``, ``release``, ``data_version``, ``bytes``, ``sha256``, ``source``
        (where it was fetched from), ``terms`` (live ones), ``prefixes`` (their number by prefix, the most first),
        ``obsolete_terms``, ``relations`` (edges between live terms by relation), ``roots`` (live terms without a parent
        and with children, by `is_a`), ``alone`` (live terms with neither), ``depth`` (edges of the longest way
        up to a root, by `is_a`; None where edges run in a circle), and ``scored``: ``root``, ``terms`` at or below it
        and ``fingerprint`` as `fastbench fmeasure` reads it by `is_a`, None where it does not have the root.

    Raises
    ------
    InputError
        When it cannot be read, or lacks the root that was asked for.
    """
    given = options.ontology or PACKAGED
    path = find_ontology(given)
    file = read_file(given)
    record = read_record(path) or {}
    live = file.live
    above = {term: live[term].parents["is_a"] & live.keys() for term in live}
    with_children = set().union(*above.values()) if above else set()
    tops = sorted(term for term in live if not above[term])
    return {
        "ontology": given,
        "path": str(path),
        "format": file.form,
        "release": file.release or None,
        "data_version": file.version or None,
        "bytes": path.stat().st_size,
        "sha256": file_sha256(path),
        "source": record.get("url") or ("packaged with fastbench" if given == PACKAGED else None),
        "terms": len(live),
        "prefixes": dict(Counter(term.partition(":")[0] for term in live).most_common()),
        "obsolete_terms": sum(term.obsolete for term in file.terms.values()),
        "relations": {
            relation: sum(len(live[term].parents[relation] & live.keys()) for term in live) for relation in RELATIONS
        },
        "roots": {term: live[term].name or term for term in tops if term in with_children},
        "alone": sum(term not in with_children for term in tops),
        "depth": _depth(above),
        "scored": _scored(options, given, live),
    }


def _depth(above: Mapping[str, Collection[str]]) -> int | None:
    depth: dict[str, int] = {}
    try:
        for term in TopologicalSorter(above).static_order():
            depth[term] = max((depth[parent] + 1 for parent in above[term]), default=0)
    except CycleError:
        return None
    return max(depth.values(), default=0)


def _scored(options: InfoOptions, given: str, live: Mapping[str, Term]) -> dict[str, Any] | None:
    """Return what `fastbench fmeasure` would take of it."""
    name = Path(given).name.partition("@")[0].partition(".")[0]
    root = options.root or (KNOWN[name].root if name in KNOWN else ROOT)
    if root not in live and not options.root:
        return None
    ontology = read_ontology(given, root=find_id(root, live) or root)
    return {"root": ontology.root, "terms": len(ontology.terms), "fingerprint": ontology.fingerprint}
