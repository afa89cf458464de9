"""The sums over features of `reference.similarity`, for kernels; written in `lane_code`."""

from __future__ import annotations

from ..callees import Intrinsic

__all__ = ["largest_absolute", "sum_absolute", "sum_features", "sum_product", "sum_shifted_product", "sum_square"]

_CODE = f"{__package__}.lane_code"

sum_features = Intrinsic(_CODE, "sum_features")
sum_product = Intrinsic(_CODE, "sum_product")
sum_shifted_product = Intrinsic(_CODE, "sum_shifted_product")
sum_square = Intrinsic(_CODE, "sum_square")
sum_absolute = Intrinsic(_CODE, "sum_absolute")
largest_absolute = Intrinsic(_CODE, "largest_absolute")
