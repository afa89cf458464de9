"""What is multiplied, and how far a tile entry can be from the float64 value that decides a rank.

Two forms bring a product of rows to a similarity, entry by entry, symmetric in both rows:

- ``SCALED`` (cosine, abs_cosine, correlation): ``a·b * (s_a * s_b)``. Float32 features of ordinary size are their
  own operands and s is the inverse norm: no copy is made, but of the rows of a tile where the working order is another
  (2 d of them for 2 d q flops each, q queries a tile). Otherwise the operands are unit rows and s is 1.
- ``HALVED`` (euclidean): ``a·b - (s_a + s_b)`` with s half the squared norm, which is minus half the squared
  distance. Rows are moved to their common mean and divided by the largest norm first, which changes no order.

**Certificate.** Let u = 2^-24, v = 2^-53, w = u + (d + 8) v, and let x, y be two rows with exact unit vectors X, Y.

*The product.* For any order of summation, with or without fused operations, a float32 dot product errs by at most
g |a|·|b|, g = d u / (1 - d u) (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., section 3.1), and
|a|·|b| <= |a| |b| by Cauchy-Schwarz. Where features are multiplied in parts of `depth` and the parts added up, a term
goes through depth operations of its part and as many more as there are parts, so d in g becomes their sum: a narrower
band, for a little more time. A term that underflows, flushed to zero or not, errs by at most 2^-126.

*SCALED.* Operands are x, y as they are, and s_x, s_y and their product and its product with the entry each err by a
relative w at most; or the operands are X, Y rounded to float32, each entry with a relative error of at most w, and s
is 1. Either way the entry differs from the exact cosine by at most (1 + w)^4 (1 + g) - 1, and 4 d 2^-80 covers
underflow, because unscaled operands are only used with norms in 2^-20..2^60. The float64 value that defines the rank
differs from the exact cosine by at most (2 d + 16) v.

*HALVED.* Operands are exact vectors of length <= 1 rounded with relative error w. Half norms are <= 1/2, their sum
<= 1 and the result between -2 and 0, so the sums add at most w/2 + w/2 + u + 2 u to the error of the product; the
float64 value, a squared distance <= 4 with relative error (d + 8) v, is halved: 2 (d + 8) v.

The edges of a band, of size <= 2, are rounded to float32: 2^-22 covers both. An entry further than the sum from a
threshold is on the same side of it in float64; all others are computed again in float64 with the arithmetic of the
definition, so counts are those of float64 arithmetic.

**Double tiles.** Where a query has so many positives that bands of float32 would hold much of a tile, unit rows, or
moved rows, and their product are of float64: the same bound with v in the place of u, and 2^-51 in that of 2^-22. Then
entries and edges are rounded to float32 alike. Rounding never changes the order of two numbers, so an entry that is
above an edge in float32 was above it before; equal ones are undecided. A product of float64 takes twice the time of one
of float32, what follows takes that of float32, and hardly an entry is computed again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...compile import njit
from ...names import Distance
from .rows import Rows, gather

__all__ = [
    "HALVED",
    "SCALED",
    "Operands",
    "double_bound",
    "double_rows",
    "double_scale",
    "error_bound",
    "operands",
    "unit_rows",
]

SCALED, HALVED = range(2)
#: Norms between which float32 rows are multiplied as they are (module docstring).
SMALLEST_NORM, LARGEST_NORM = 2.0**-20, 2.0**60
#: Rows handled at once, so that scratch stays small beside a memory map.
CHUNK = 4096


class Operands(NamedTuple):
    """Operands of the float32 product and what makes a similarity of it.

    Attributes
    ----------
    rows : ndarray of float32, shape (n, d)
        Operands; the features themselves where they can be.
    at : ndarray of int64, shape (n,), or None
        The one of `rows` at each place. None where they are in working order.
    scale : ndarray of float32, shape (n,)
        s of the module docstring, by place.
    form : int
        ``SCALED`` or ``HALVED``.
    factor : float
        An entry approximates the float64 ranking value times this, within `error_bound`.
    centre : ndarray of float64, shape (d,) or (0,)
        Of ``HALVED``: what rows are moved by.
    radius : float
        Of ``HALVED``: what they are divided by.
    half : ndarray of float64, shape (n,) or (0,)
        Of ``HALVED``: s in float64.
    """

    rows: npt.NDArray[np.float32]
    at: npt.NDArray[np.int64] | None
    scale: npt.NDArray[np.float32]
    form: int
    factor: float
    centre: npt.NDArray[np.float64]
    radius: float
    half: npt.NDArray[np.float64]

    def taken(self, first: int, last: int, places: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.float32]:
        """Return the operands at places first..last, or at the given `places` of these; a copy only if it must be."""
        if self.at is None:
            return self.rows[slice(first, last) if places is None else places]
        which = self.at[slice(first, last) if places is None else places]
        out = np.empty((len(which), self.rows.shape[1]), np.float32)
        gather(self.rows, which, out)
        return out


def error_bound(d: int, form: int = SCALED, depth: int = 0, product: float | None = None) -> float:
    """Return the largest difference between a float32 entry and the float64 value (module docstring).

    Parameters
    ----------
    d : int
        Features.
    form : int
        ``SCALED`` or ``HALVED``.
    depth : int, default 0
        Features that are multiplied at once, 0 for all.
    product : float, optional
        g, where the product is not one of float32 operands in float32.
    """
    u, v = 2.0**-24, 2.0**-53
    w = u + (d + 8) * v
    terms = depth + -(-d // depth) if 0 < depth < d else d
    if product is None:
        product = terms * u / (1 - terms * u)
    rounding = (1 + w) ** 4 * (1 + product) - 1 + 4 * d * 2.0**-80 + (2 * d + 16) * v + 2.0**-22
    return rounding if form == SCALED else rounding + w + 3 * u


def double_bound(d: int, form: int = SCALED) -> float:
    """Return the largest difference between an entry of a double tile and the float64 value (module docstring)."""
    v = 2.0**-53
    w = v + (d + 8) * v
    rounding = (1 + w) ** 4 * (1 + d * v / (1 - d * v)) - 1 + (2 * d + 16) * v + 2.0**-51
    return rounding if form == SCALED else rounding + w + 3 * v


def operands(rows: Rows, distance: Distance) -> Operands | None:
    """Return the operands of rows, or None where the distance is no function of a product."""
    (n, d), at = rows.x.shape, rows.at
    if not distance.is_product:
        return None
    if not distance.needs_norm:
        return _centred(rows.x, at)
    none = np.empty(0)
    ordinary = rows.norm.min() >= SMALLEST_NORM and rows.norm.max() <= LARGEST_NORM
    if not distance.is_centred and rows.x.dtype == np.float32 and ordinary:
        in_place = bool(np.array_equal(at, np.arange(n)))
        scale = (1 / rows.norm[at]).astype(np.float32)
        return Operands(rows.x, None if in_place else at, scale, SCALED, 1.0, none, 1.0, none)
    units = np.empty((n, d), np.float32)
    unit_rows(rows.x, at, rows.shift, rows.norm, units)
    return Operands(units, None, np.ones(n, np.float32), SCALED, 1.0, none, 1.0, none)


def double_rows(rows: Rows, chosen: Operands, places: slice | npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the operands of a double tile at some places, (q, d): unit rows, or moved ones."""
    at = rows.at[places]
    if chosen.form == HALVED:
        return np.asarray((rows.x[at] - chosen.centre) / chosen.radius)
    units = np.empty((len(at), rows.x.shape[1]))
    unit_rows(rows.x, at, rows.shift, rows.norm, units)
    return units


def double_scale(chosen: Operands) -> npt.NDArray[np.float64]:
    """Return s of a double tile, (n,)."""
    return chosen.half if chosen.form == HALVED else np.ones(len(chosen.scale))


@njit
def unit_rows(x, at, shift, norm, out):
    """Write the rows `at` (n,) of x (n, d), shifted and divided by their norms, to out (n, d) of either width."""
    for i in range(at.size):
        row = at[i]
        for k in range(x.shape[1]):
            out[i, k] = (np.float64(x[row, k]) - shift[row]) / norm[row]


def _centred(x: npt.NDArray[np.floating], at: npt.NDArray[np.int64]) -> Operands | None:
    """Return rows `at` minus their mean, divided by the largest norm, and half their squared norms."""
    n, d = x.shape
    parts = [slice(start, start + CHUNK) for start in range(0, n, CHUNK)]
    largest = max(float(np.abs(x[part]).max(initial=0)) for part in parts) or 1.0
    mean = sum((x[part] / largest).sum(axis=0, dtype=np.float64) for part in parts) / n * largest
    # What is squared is at most 1: a column that is far from zero and hardly varies must not make squares underflow.
    spread = max(float(np.abs(x[part] - mean).max(initial=0)) for part in parts) or 1.0
    squares = np.empty(n)
    for part in parts:
        moved = (x[at[part]] - mean) / spread
        squares[part] = np.einsum("ij,ij->i", moved, moved)
    radius = float(np.sqrt(squares.max())) or 1.0
    with np.errstate(over="ignore"):
        factor = 0.5 / np.float64(radius * spread) ** 2
    if not np.isfinite(factor):
        return None
    rows = np.empty((n, d), np.float32)
    for part in parts:
        rows[part] = (x[at[part]] - mean) / spread / radius
    half = squares / radius**2 / 2
    return Operands(rows, None, half.astype(np.float32), HALVED, float(factor), mean, spread * radius, half)
