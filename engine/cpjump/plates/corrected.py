"""Batch correction between the reader of plates and the benchmark: a reader around a reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...errors import InputError, examples
from ...tables.profiles import Profiles, stack
from ..correction.files import load_fitted, save_fitted
from ..correction.fingerprint import KNOWN, has_names, unlike
from ..correction.transforms import Fitted, fit
from ..options import Options
from .files import is_control
from .metadata import Plate, PlateReader

__all__ = ["Correction"]


class Correction:
    """Fits a batch correction on the controls of all plates, and applies it to wells or to their consensus.

    Parameters
    ----------
    options : Options
        The method and its parameters, files to load it from and to save it to.
    read : PlateReader
        Reads plates as they are.
    configurations : sequence of sequence of Plate
        All configurations of the run: their controls are pooled. What is read for that is kept until it is asked for.
    keep : callable, optional
        Returns what the function that it is given finds, from an earlier run or computed now, see `StepStore.do`.

    Attributes
    ----------
    fitted : Fitted
        The transform.
    notes : list of str
        What was capped or left out.
    """

    def __init__(
        self,
        options: Options,
        read: PlateReader,
        configurations: Sequence[Sequence[Plate]],
        keep: Callable[[Callable[[], Any]], Any] = lambda compute: compute(),
    ) -> None:
        self._read = read
        self._options = options
        self._kept: dict[str, Profiles | None] = {}
        self._said: dict[str, list[str]] = {}  # what the reader noted when each configuration was read for the fit
        self.notes: list[str] = []
        if options.load_correction is not None:
            self.fitted = load_fitted(options.load_correction)
            scaler = self.fitted.parameters.get("scaler", options.scaler)
            if scaler != options.scaler:
                raise InputError(
                    f"The correction in '{options.load_correction}' standardises by {scaler}, preset {options.preset} "
                    f"with these features by {options.scaler}: fit it anew with this preset."
                )
            return
        tree = keep(lambda: self._fit(configurations))
        self.fitted, self.notes, self._said = Fitted.from_tree(tree["fitted"]), tree["notes"], tree["said"]

    def _fit(self, configurations: Sequence[Sequence[Plate]]) -> dict[str, Any]:
        """Fit on the controls of all plates; return plain values, as a step keeps them."""
        options = self._options
        for plates in configurations:
            self._kept[plates[0].description] = self._read(plates)
        found = [profiles for profiles in self._kept.values() if profiles is not None]
        if not found:
            raise InputError("No plate has profiles to fit the batch correction on.")
        pooled = stack([_plates_only(each.take(is_control(each))) for each in found])
        chosen: dict[str, Any] = {
            "kernel": options.pca_kernel,
            "components": options.pca_n_components,
            "epsilon": options.sphering_epsilon,
        }
        fitted, notes = fit(
            options.batch_correction,
            pooled.features,
            plates_of(pooled),
            pooled.feature_names,
            scaler=options.scaler,
            **{name: value for name, value in chosen.items() if value is not None},
        )
        said = {name: list(each.notes) for name, each in self._kept.items() if each is not None}
        return {"fitted": fitted.as_tree(), "notes": notes, "said": said}

    def save(self) -> None:
        """Keep the fitted transform in the file that the options name, if they name one."""
        if self._options.save_correction is not None:
            save_fitted(self.fitted, self._options.save_correction)

    def raw(self, plates: Sequence[Plate]) -> Profiles | None:
        """Read the plates of one configuration as they are; what was read for the fit is not read again."""
        description = plates[0].description
        if description in self._kept:
            return self._kept.pop(description)
        profiles = self._read(plates)
        if profiles is not None and self._options.load_correction is not None:
            profiles = self._checked(profiles)
        said = self._said.get(description)
        return profiles if profiles is None or said is None else replace(profiles, notes=tuple(said))

    def _checked(self, profiles: Profiles) -> Profiles:
        """Refuse a loaded correction that was fitted on other features; vectors are told by their controls."""
        path, names = self._options.load_correction, self.fitted.feature_names
        extra = len(set(profiles.feature_names) - set(names))
        missing = len(set(names) - set(profiles.feature_names))
        if missing == len(names) or ((missing or extra) and not has_names(profiles.feature_names)):
            theirs = profiles.feature_names
            raise InputError(
                f"The correction in '{path}' was fitted on {len(names)} features ({examples(names, 3)}), but the "
                f"profiles have {len(theirs)} ({examples(theirs, 3)}): give profiles of the same features, or fit it "
                "anew."
            )
        notes = [f"{extra} features that the loaded correction was not fitted on were left out"] if extra else []
        if not has_names(profiles.feature_names) and not missing:
            controls = profiles.features[is_control(profiles)].astype(np.float64)
            if KNOWN not in self.fitted.arrays:
                notes.append("the loaded correction does not say what vectors it was fitted on, which was not checked")
            elif why := unlike(self.fitted.arrays, controls):
                raise InputError(
                    f"The correction in '{path}' was fitted on vectors of another model than these ({why}): fit it "
                    "anew with --batch-correction, or give the embeddings that it was fitted on."
                )
        return replace(profiles, notes=(*profiles.notes, *notes))

    def read(self, plates: Sequence[Plate]) -> Profiles | None:
        """Read the plates of one configuration, corrected well by well."""
        profiles = self.raw(plates)
        return None if profiles is None else self.apply(profiles)

    def apply(self, profiles: Profiles) -> Profiles:
        """Correct profiles.

        Raises
        ------
        InputError
            They lack features that the correction was fitted on.
        """
        names = self.fitted.feature_names
        if profiles.feature_names != names:
            place = {name: i for i, name in enumerate(profiles.feature_names)}
            missing = [name for name in names if name not in place]
            if missing:
                raise InputError(
                    f"The profiles lack {len(missing)} of the {len(names)} features that the batch correction was "
                    f"fitted on ({examples(missing, 3)}): correct profiles of the same features."
                )
            columns = np.array([place[name] for name in names])
            profiles = replace(profiles, features=profiles.features[:, columns], feature_names=names)
        features = self.fitted.transform(profiles.features, plates_of(profiles))
        return replace(profiles, features=features, feature_names=self.fitted.output_names)

    def account(self) -> dict[str, Any]:
        """Return what the manifest says of it."""
        return {"method": self.fitted.method, **{k: v for k, v in self.fitted.parameters.items() if k != "plates"}}


def plates_of(profiles: Profiles) -> npt.NDArray[np.str_]:
    """Return the plate of each well."""
    return np.asarray(profiles.metadata["Metadata_Plate"].to_numpy()).astype(np.str_)


def _plates_only(profiles: Profiles) -> Profiles:
    return profiles.with_metadata(profiles.metadata.select(pl.col("Metadata_Plate").cast(pl.String)))
