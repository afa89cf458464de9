"""Batch correction: transforms fitted on negative controls, which carry what differs between plates and nothing else.

==============  =====================================================================================================
``kernel-pca``  projection on the principal components of the pooled controls in the space of a kernel; then columns are
                standardised, by the projected controls or by all wells of each plate
``sphering``    whitening by the pooled controls: their correlations become those of unrelated features
``mad``         plate by plate, the median of its controls is subtracted, and the rest divided by their MAD
==============  =====================================================================================================

A fitted transform is arrays and a few numbers; `files` saves it as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...errors import InputError, examples
from .fingerprint import fingerprint_of, has_names

__all__ = ["SCALERS", "Fitted", "fit"]

#: What the columns of ``kernel-pca`` are standardised by.
SCALERS: Final = ("controls", "plate", "none")

#: Makes the MAD of normal values their standard deviation, as in pycytominer.
_NORMAL: Final = 1.4826

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """A fitted transform.

    Attributes
    ----------
    method : str
        One of `METHODS` but ``none``.
    feature_names : tuple of d str
        The features it takes.
    parameters : mapping
        What it was fitted with, and on: plain values.
    arrays : mapping of str to ndarray
        What it learned.
    """

    method: str
    feature_names: tuple[str, ...]
    parameters: Mapping[str, Any]
    arrays: Mapping[str, Matrix] = field(repr=False)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the features that come out."""
        if self.method != "kernel-pca":
            return self.feature_names
        return tuple(f"corrected_feature_{i:04d}" for i in range(self.parameters["components"]))

    def as_tree(self) -> dict[str, Any]:
        """Return plain values and arrays, as a step keeps them."""
        names, parameters = list(self.feature_names), dict(self.parameters)
        return {"method": self.method, "names": names, "parameters": parameters, "arrays": dict(self.arrays)}

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any]) -> Fitted:
        """Return what `as_tree` was made of."""
        return cls(tree["method"], tuple(tree["names"]), tree["parameters"], tree["arrays"])

    def transform(self, features: npt.NDArray[np.float32], plates: npt.NDArray[np.str_]) -> npt.NDArray[np.float32]:
        """Transform wells.

        Parameters
        ----------
        features : ndarray of float32, shape (n, d)
            In the order of `feature_names`.
        plates : ndarray of str, shape (n,)
            Plate of each well; all wells of a plate must be there where columns are standardised by plate.

        Returns
        -------
        ndarray of float32, shape (n, k)

        Raises
        ------
        InputError
            ``mad``: a plate that was not fitted.
        """
        x = features.astype(np.float64)
        if self.method == "mad":
            return self._by_plate(x, plates)
        if self.method == "sphering":
            found = ((x - self.arrays["mean"]) / self.arrays["scale"]) @ self.arrays["weights"]
            return found.astype(np.float32)
        found = self._project(x)
        if self.parameters["scaler"] == "controls":
            found = (found - self.arrays["mean"]) / self.arrays["scale"]
        elif self.parameters["scaler"] == "plate":
            for plate in np.unique(plates):
                mine = plates == plate
                mean, scale = _moments(found[mine])
                found[mine] = (found[mine] - mean) / scale
        return found.astype(np.float32)

    def _project(self, x: Matrix) -> Matrix:
        """Project on kernel principal components; a linear kernel is a product with one matrix."""
        if "weights" in self.arrays:
            return np.asarray((x - self.arrays["centre"]) @ self.arrays["weights"])
        from sklearn.metrics.pairwise import pairwise_kernels

        kernel = pairwise_kernels(
            x,
            self.arrays["controls"],
            metric=self.parameters["kernel"],
            filter_params=True,
            gamma=self.parameters["gamma"],
            degree=3,
            coef0=1,
        )
        kernel -= kernel.mean(axis=1, keepdims=True) + self.arrays["kernel_rows"] - self.arrays["kernel_all"]
        return np.asarray(kernel @ self.arrays["vectors"])

    def _by_plate(self, x: Matrix, plates: npt.NDArray[np.str_]) -> npt.NDArray[np.float32]:
        known = {name: i for i, name in enumerate(self.parameters["plates"])}
        unknown = sorted(set(np.unique(plates).tolist()) - known.keys())
        if unknown:
            raise InputError(
                f"The batch correction mad has no negative controls of {len(unknown)} plates ({examples(unknown)}): "
                "fit it with them, leave these plates out, or choose another correction."
            )
        at = np.array([known[plate] for plate in plates.tolist()], np.int64)
        scale = self.arrays["scale"][at]
        found = np.zeros_like(x)  # also where the controls of a plate do not vary
        np.divide(x - self.arrays["median"][at], scale, out=found, where=scale > 0)
        return found.astype(np.float32)


def fit(
    method: str,
    controls: npt.NDArray[np.float32],
    plates: npt.NDArray[np.str_],
    feature_names: Sequence[str],
    *,
    kernel: str = "linear",
    components: int = 500,
    scaler: str = "controls",
    epsilon: float = 1e-6,
) -> tuple[Fitted, list[str]]:
    """Fit a transform on negative controls.

    Parameters
    ----------
    method : {"kernel-pca", "sphering", "mad"}
        Which.
    controls : ndarray of float32, shape (n, d)
        Negative control wells of all plates.
    plates : ndarray of str, shape (n,)
        The plate of each.
    feature_names : sequence of d str
        The features.
    kernel : {"linear", "poly", "rbf", "sigmoid", "cosine"}, default "linear"
        Of ``kernel-pca``; gamma is 1 / d, the degree 3, coef0 1, as scikit-learn has them.
    components : int, default 500
        Of ``kernel-pca``; no more than controls or features are taken.
    scaler : {"controls", "plate", "none"}, default "controls"
        Of ``kernel-pca``: what columns are standardised by.
    epsilon : float, default 1e-6
        Of ``sphering``: added to the singular values, so that directions without variance are not amplified.

    Returns
    -------
    fitted : Fitted
    notes : list of str
        What was capped or left out.

    Raises
    ------
    InputError
        Fewer than two controls (``mad``: on a plate), missing values among them, or none of them varies.

    References
    ----------
    Schölkopf, Smola and Müller 1998 (kernel PCA); Kessy, Lewin and Strimmer 2018 (ZCA-cor whitening); definitions of
    sphering and robust MAD as in pycytominer, the singular values of sphering being those of the centred controls.
    """
    if len(controls) < 2:
        raise InputError(
            f"Batch correction {method} needs two or more negative control wells, but there are {len(controls)}: "
            "check Metadata_control_type, or leave the correction out."
        )
    x = controls.astype(np.float64)
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(axis=1).sum())
        raise InputError(
            f"{bad} of {len(x)} negative control wells have missing or infinite features: drop them or fill them in."
        )
    names = tuple(feature_names)
    about: dict[str, Any] = {"controls": len(x), "features": len(names)}
    if method == "mad":
        fitted, notes = _fit_mad(x, plates, names, about)
    elif method == "sphering":
        fitted, notes = _fit_sphering(x, names, about | {"epsilon": epsilon})
    else:
        fitted, notes = _fit_kernel_pca(x, names, about | {"kernel": kernel, "scaler": scaler}, components)
    if not has_names(names):
        fitted = replace(fitted, arrays={**fitted.arrays, **fingerprint_of(x)})
    return fitted, notes


def _moments(x: Matrix) -> tuple[Matrix, Matrix]:
    """Mean and standard deviation of columns as scikit-learn's StandardScaler has them: 1 where nothing varies."""
    from sklearn.preprocessing import StandardScaler

    found = StandardScaler().fit(x)
    return found.mean_, found.scale_


def _fit_kernel_pca(x: Matrix, names: tuple[str, ...], about: dict[str, Any], asked: int) -> tuple[Fitted, list[str]]:
    from sklearn.decomposition import KernelPCA

    n, d = x.shape
    count, notes = min(asked, n, d), []
    if count < asked:
        notes.append(
            f"batch correction: {count} of the {asked} components asked for (of {n} controls and {d} features)"
        )
    kernel = about["kernel"]
    model = KernelPCA(n_components=count, kernel=kernel).fit(x)
    values, vectors = model.eigenvalues_, model.eigenvectors_
    some = values > 0
    if not some.any():
        raise InputError(f"None of {n} negative control wells differs from the others: there is nothing to correct by.")
    scaled = np.zeros_like(vectors)
    scaled[:, some] = vectors[:, some] / np.sqrt(values[some])
    if kernel == "linear":  # the same as PCA: x - mean times the principal axes
        arrays = {"centre": x.mean(axis=0), "weights": (x - x.mean(axis=0)).T @ scaled}
    else:
        centring = model._centerer
        arrays = {
            "controls": x,
            "vectors": scaled,
            "kernel_rows": centring.K_fit_rows_,
            "kernel_all": np.asarray(centring.K_fit_all_),
        }
    fitted = Fitted("kernel-pca", names, about | {"components": count, "gamma": 1.0 / d}, arrays)
    if about["scaler"] == "controls":
        mean, scale = _moments(fitted._project(x))
        fitted = Fitted(fitted.method, names, fitted.parameters, arrays | {"mean": mean, "scale": scale})
    return fitted, notes


def _fit_sphering(x: Matrix, names: tuple[str, ...], about: dict[str, Any]) -> tuple[Fitted, list[str]]:
    mean, scale = x.mean(axis=0), x.std(axis=0)
    varies = scale > 1e-12 * np.abs(x).max(axis=0)
    if not varies.any():
        raise InputError(
            f"None of {len(x)} negative control wells differs from the others: there is nothing to correct by."
        )
    notes = []
    if not varies.all():
        lost = [name for name, kept in zip(names, varies, strict=True) if not kept]
        notes.append(
            f"batch correction: {len(lost)} features are equal in all controls and are not used: {examples(lost, 3)}"
        )
    z = np.where(varies, (x - mean) / np.where(varies, scale, 1.0), 0.0)
    _, singular, axes = np.linalg.svd(z, full_matrices=False)
    rank = int((singular > singular[0] * max(z.shape) * np.finfo(np.float64).eps).sum())
    singular, axes = singular[:rank] + about["epsilon"], axes[:rank]
    # What no control varies in has the scale of the direction that they vary in least.
    weights = (axes.T / singular) @ axes + (np.diag(varies.astype(np.float64)) - axes.T @ axes) / singular[-1]
    arrays = {"mean": mean, "scale": np.where(varies, scale, 1.0), "weights": weights * np.sqrt(len(x) - 1)}
    return Fitted("sphering", names, about | {"rank": rank}, arrays), notes


def _fit_mad(
    x: Matrix, plates: npt.NDArray[np.str_], names: tuple[str, ...], about: dict[str, Any]
) -> tuple[Fitted, list[str]]:
    known, counts = np.unique(plates, return_counts=True)
    few = known[counts < 2].tolist()
    if few:
        raise InputError(
            f"Batch correction mad needs two or more negative control wells on each plate, but plates {examples(few)} "
            "have one: leave them out, or choose another correction."
        )
    median = np.stack([np.median(x[plates == plate], axis=0) for plate in known])
    scale = (
        np.stack([np.median(np.abs(x[plates == p] - m), axis=0) for p, m in zip(known, median, strict=True)]) * _NORMAL
    )
    still = int((scale == 0).any(axis=0).sum())
    notes = [f"batch correction: {still} features have a MAD of 0 on a plate and are 0 there"] if still else []
    return Fitted("mad", names, about | {"plates": known.tolist()}, {"median": median, "scale": scale}), notes
