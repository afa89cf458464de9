"""The null law of average precision: computed here, sampled by copairs (100,000 samples a shape)."""

import numpy as np
import pytest

from fastbench.engine import null_laws

SAMPLES = 100_000


def cpjump1_shapes():
    """(P, L) of one CPJUMP1 job: replicability, compound and gene matching, compound against gene."""
    rng = np.random.default_rng(0)
    replicability = [(3, 67), (7, 71), (3, 63), (7, 67)]
    matching = [
        (int(p), int(n))
        for p, n in zip(rng.geometric(0.25, 600).clip(1, 25), rng.integers(230, 311, 600), strict=False)
    ]
    cross = [
        (int(p), int(n)) for p, n in zip(rng.geometric(0.4, 400).clip(1, 20), rng.integers(160, 321, 400), strict=False)
    ]
    return sorted(set(replicability + matching + cross))


SETS = {"7 of 71": [(7, 71)], "47 of 431": [(47, 431)], "cpjump1": cpjump1_shapes()}


@pytest.fixture(params=SETS)
def shapes(request, benchmark):
    benchmark.group = f"null law: {request.param}"
    benchmark.extra_info["shapes"] = len(SETS[request.param])
    return SETS[request.param]


def test_fastbench(benchmark, shapes, monkeypatch):
    n_pos, n_total = np.array(shapes).T
    ap = np.random.default_rng(1).random(len(shapes))
    null_laws.ap_p_values(ap[:1], [7], [71])  # compile

    def empty_cache():
        monkeypatch.setattr(null_laws, "_CACHE", null_laws._Cache(256 << 20))

    found = benchmark.pedantic(
        null_laws.ap_p_values, args=(ap, n_pos, n_total), setup=empty_cache, rounds=3, warmup_rounds=0
    )
    assert np.all((found.lower <= found.value) & (found.value <= found.upper))


def test_copairs(benchmark, shapes):
    compute = pytest.importorskip("copairs.compute")
    some = shapes[:: max(len(shapes) // 8, 1)]  # a full job takes minutes: multiply by shapes / measured
    benchmark.extra_info["measured"] = len(some)
    benchmark.pedantic(lambda: [compute.random_ap(SAMPLES, *shape, 0) for shape in some], rounds=1)
