"""The ontologies that ``fastbench ontology fetch`` knows by name, and where their releases are published."""

from __future__ import annotations

from dataclasses import dataclass

from ..names import ROOT

__all__ = ["KNOWN", "KnownOntology"]

_PURL = "https://purl.obolibrary.org/obo"
_GITHUB = "https://github.com"


@dataclass(frozen=True)
class KnownOntology:
    """Where an ontology is published.

    Attributes
    ----------
    about : str
        What it is, with its variant.
    licence : str
        Under which terms.
    root : str
        The term that is above the others.
    newest : tuple of str
        Addresses of the newest release; where there is no file at the first, the next is asked.
    released : tuple of str
        The same of a release, whose name stands for ``{release}``.
    """

    about: str
    licence: str
    root: str
    newest: tuple[str, ...]
    released: tuple[str, ...]

    def addresses(self, release: str) -> tuple[str, ...]:
        """Return where a release is published; the newest one for an empty name."""
        return tuple(each.format(release=release) for each in self.released) if release else self.newest


def _foundry(file: str, folder: str, repository: str, root: str, about: str, licence: str) -> KnownOntology:
    """Declare an ontology of the OBO Foundry: at its permanent address, and as a file of its releases on GitHub."""
    first = f"{_PURL}/{file}" if file == f"{folder}.obo" else f"{_PURL}/{folder}/{file}"
    return KnownOntology(
        about,
        licence,
        root,
        (first, f"{_GITHUB}/{repository}/releases/latest/download/{file}"),
        (
            f"{_PURL}/{folder}/releases/{{release}}/{file}",
            f"{_GITHUB}/{repository}/releases/download/v{{release}}/{file}",
        ),
    )


_CC_BY = "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/"
_CELLS, _ANATOMY = "obophenotype/cell-ontology", "obophenotype/uberon"

KNOWN = {
    "cl": _foundry("cl.obo", "cl", _CELLS, ROOT, "Cell Ontology with the terms that it imports", _CC_BY),
    "cl-basic": _foundry("cl-basic.obo", "cl", _CELLS, ROOT, "Cell Ontology alone, without circles", _CC_BY),
    "uberon": _foundry(
        "uberon.obo",
        "uberon",
        _ANATOMY,
        "UBERON:0001062",
        "Uberon, anatomy of animals",
        "CC BY 3.0, https://creativecommons.org/licenses/by/3.0/",
    ),
    "mondo": _foundry(
        "mondo.obo", "mondo", "monarch-initiative/mondo", "MONDO:0000001", "Mondo Disease Ontology", _CC_BY
    ),
    "doid": _foundry(
        "doid.obo",
        "doid",
        "DiseaseOntology/HumanDiseaseOntology",
        "DOID:4",
        "Human Disease Ontology",
        "CC0 1.0, https://creativecommons.org/publicdomain/zero/1.0/",
    ),
    "hp": _foundry(
        "hp.obo",
        "hp",
        "obophenotype/human-phenotype-ontology",
        "HP:0000001",
        "Human Phenotype Ontology",
        "https://hpo.jax.org/app/license",
    ),
    "efo": KnownOntology(
        "Experimental Factor Ontology",
        "Apache 2.0, https://www.apache.org/licenses/LICENSE-2.0",
        "EFO:0000001",
        ("https://www.ebi.ac.uk/efo/efo.obo", f"{_GITHUB}/EBISPOT/efo/releases/latest/download/efo.obo"),
        (f"{_GITHUB}/EBISPOT/efo/releases/download/v{{release}}/efo.obo",),
    ),
}
