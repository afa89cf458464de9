"""How many examples a property is tried with, by what one of them costs. ``EXAMPLES=10`` tries ten times as many."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings


def _examples(number: int) -> settings:
    times = int(os.environ.get("EXAMPLES", "1"))
    return settings(
        max_examples=number * times, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


#: An example takes a tenth of a second, some hundredths, some thousandths.
FEW, SOME, MANY = map(_examples, (12, 30, 60))
