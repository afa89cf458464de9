"""fastbench: exact, fast benchmarks for Cell Painting profiles and single-cell embeddings.

``import fastbench as fb`` gives the functions of copairs under their names: `average_precision`,
`multilabel.average_precision`, `mean_average_precision`, `mean_average_precision_hierarchical`,
`assign_reference_index`; and `Relabelling`, `read_profiles`, `consensus`, `average_precision_null`. Those of
cellarium-cas' benchmarking: `build_confusion_matrix`, `save_confusion_matrix`, `load_confusion_matrix`,
`aggregate_confusion_matrices`, `compute_f_measure_from_cm`, `compute_hierarchical_f_measure_from_cm`; and
`read_ontology`.

The jobs of the command line: `map`, `cpjump`, `fmeasure`, `embed`, `perturb`, and `compare`, which puts result folders
side by side. Nothing heavy is loaded before the first call.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.api.compare import compare as compare
    from .engine.api.cpjump import cpjump as cpjump
    from .engine.api.embed import embed as embed
    from .engine.api.fmeasure import fmeasure as fmeasure
    from .engine.api.perturb import perturb as perturb
    from .engine.api.profiles import read_profiles as read_profiles
    from .engine.errors import FastbenchError as FastbenchError
    from .engine.errors import InputError as InputError
    from .engine.errors import UnpairedException as UnpairedException
    from .engine.fmeasure.api import aggregate_confusion_matrices as aggregate_confusion_matrices
    from .engine.fmeasure.api import build_confusion_matrix as build_confusion_matrix
    from .engine.fmeasure.api import compute_f_measure_from_cm as compute_f_measure_from_cm
    from .engine.fmeasure.api import compute_hierarchical_f_measure_from_cm as compute_hierarchical_f_measure_from_cm
    from .engine.fmeasure.api import load_confusion_matrix as load_confusion_matrix
    from .engine.fmeasure.api import save_confusion_matrix as save_confusion_matrix
    from .engine.fmeasure.ontology.read import read_ontology as read_ontology
    from .engine.nulls.ap_null import average_precision_null as average_precision_null
    from .engine.retrieval import multilabel as multilabel
    from .engine.retrieval.copairs_api import assign_reference_index as assign_reference_index
    from .engine.retrieval.copairs_api import average_precision as average_precision
    from .engine.retrieval.mean_average_precision import mean_average_precision as mean_average_precision
    from .engine.retrieval.mean_average_precision import (
        mean_average_precision_hierarchical as mean_average_precision_hierarchical,
    )
    from .engine.retrieval.relabelling.data import Relabelling as Relabelling
    from .engine.tables.profiles import Profiles as Profiles
    from .engine.tables.profiles import consensus as consensus

__version__ = "0.1.0"

_HOME = {
    "assign_reference_index": "retrieval.copairs_api",
    "average_precision": "retrieval.copairs_api",
    "FastbenchError": "errors",
    "InputError": "errors",
    "UnpairedException": "errors",
    "compare": "api.compare",
    "cpjump": "api.cpjump",
    "embed": "api.embed",
    "fmeasure": "api.fmeasure",
    "perturb": "api.perturb",
    "average_precision_null": "nulls.ap_null",
    "Profiles": "tables.profiles",
    "consensus": "tables.profiles",
    "read_profiles": "api.profiles",
    "aggregate_confusion_matrices": "fmeasure.api",
    "build_confusion_matrix": "fmeasure.api",
    "compute_f_measure_from_cm": "fmeasure.api",
    "compute_hierarchical_f_measure_from_cm": "fmeasure.api",
    "load_confusion_matrix": "fmeasure.api",
    "save_confusion_matrix": "fmeasure.api",
    "read_ontology": "fmeasure.ontology.read",
    "Relabelling": "retrieval.relabelling.data",
    "mean_average_precision": "retrieval.mean_average_precision",
    "mean_average_precision_hierarchical": "retrieval.mean_average_precision",
}

#: Names of copairs that are for its modules; they are not listed by ``dir(fastbench)``.
_OF_COPAIRS = {
    "Matcher": "retrieval.pairs",
    "find_pairs": "retrieval.pairs",
    "p_values": "retrieval.profile_p_values",
}

#: Modules of copairs and the names that people import from them: ``from fastbench.map import average_precision``.
_MODULES = {
    "map": ("average_precision", "mean_average_precision", "mean_average_precision_hierarchical", "multilabel"),
    "map.average_precision": ("average_precision", "p_values"),
    "map.multilabel": ("average_precision",),
    "multilabel": ("average_precision",),
    "matching": ("Matcher", "UnpairedException", "assign_reference_index", "find_pairs"),
}

__all__ = ["__version__", *(name for name in _MODULES if "." not in name), *_HOME]


class _Module(ModuleType):
    """A module under a name of copairs; what it holds is loaded when it is asked for."""

    __all__: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        if name in self.__all__:
            if self.__name__.endswith("multilabel"):
                return import_module(".engine.retrieval.multilabel", __name__).average_precision
            return getattr(sys.modules[__name__], name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return list(self.__all__)


class _Map(_Module):
    """The module of copairs, which is the function that does the job of ``fastbench map`` as well."""

    @property
    def _job(self) -> Any:
        return import_module(".engine.api.map", __name__).map_profiles

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._job(*args, **kwargs)

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return self._job.__doc__

    @property
    def __signature__(self) -> Any:
        import inspect

        return inspect.signature(self._job)


def _add_modules() -> None:
    """Make the modules known to imports."""
    for place, names in _MODULES.items():
        kind = _Map if place == "map" else _Module
        module = kind(f"{__name__}.{place}", f"Functions of fastbench under the name of copairs.{place}.")
        module.__all__ = names
        if any(other.startswith(f"{place}.") for other in _MODULES):
            module.__path__ = []  # so that it may have modules
        sys.modules[module.__name__] = module


_add_modules()


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return sys.modules[f"{__name__}.{name}"]
    home = _HOME.get(name) or _OF_COPAIRS.get(name)
    if home:
        return getattr(import_module(f".engine.{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
