"""The list-column form, under the name copairs gives it: ``multilabel.average_precision``."""

from .copairs_api import multilabel_average_precision as average_precision

__all__ = ["average_precision"]
