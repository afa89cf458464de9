"""Batch correction between the reader of plates and the benchmark: a reader around a reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...errors import InputError, examples
from ...tables.profiles import Profiles, stack
from ..correction.transforms import fit, load_fitted, save_fitted
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

    Attributes
    ----------
    fitted : Fitted
        The transform.
    notes : list of str
        What was capped or left out.
    """

    def __init__(self, options: Options, read: PlateReader, configurations: Sequence[Sequence[Plate]]) -> None:
        self._read = read
        self._kept: dict[str, Profiles | None] = {}
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
        for plates in configurations:
            self._kept[plates[0].description] = read(plates)
        found = [profiles for profiles in self._kept.values() if profiles is not None]
        if not found:
            raise InputError("No plate has profiles to fit the batch correction on.")
        pooled = stack([_plates_only(each.take(is_control(each))) for each in found])
        chosen: dict[str, Any] = {
            "kernel": options.pca_kernel,
            "components": options.pca_n_components,
            "epsilon": options.sphering_epsilon,
        }
        self.fitted, self.notes = fit(
            options.batch_correction,
            pooled.features,
            plates_of(pooled),
            pooled.feature_names,
            scaler=options.scaler,
            **{name: value for name, value in chosen.items() if value is not None},
        )
        if options.save_correction is not None:
            save_fitted(self.fitted, options.save_correction)

    def raw(self, plates: Sequence[Plate]) -> Profiles | None:
        """Read the plates of one configuration as they are; what was read for the fit is not read again."""
        description = plates[0].description
        return self._kept.pop(description) if description in self._kept else self._read(plates)

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
