"""Certified all-pairs average precision on an XLA device: seconds, share of the ceiling, share rechecked, memory.

    python bench/gpu.py --n 100000 --d 768 --replicates 8 [--precision tf32] [--check 2000]

n rows in groups of replicates, each query against all other rows, as in `problem`. ``--check`` counts the given number
of random queries on the CPU too and compares all bits. The ceiling is the plain product of one tile of the same size
and precision, timed on the same device, unless ``--ceiling`` states another. The defaults run on a CPU in seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np

from fastbench.kernels.names import PRECISIONS


def main() -> None:
    """Run one measurement, print it as lines and as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=4000, help="rows")
    parser.add_argument("--d", type=int, default=256, help="features")
    parser.add_argument("--replicates", type=int, default=8, help="rows of a group: one more than positives a query")
    parser.add_argument("--signal", type=float, default=0.3, help="size of what a group shares, noise being 1")
    parser.add_argument("--distance", default="cosine", choices=["cosine", "abs_cosine", "correlation"])
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    parser.add_argument("--platform", choices=["gpu", "cpu"], help="default: JAX's default")
    parser.add_argument("--check", type=int, default=500, help="random queries to compare with the CPU backend")
    parser.add_argument("--ceiling", type=float, help="Tflop/s of the product; default: measured")
    parser.add_argument("--repeats", type=int, default=1, help="timed runs; the best counts")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    options = parser.parse_args()
    result = measure(options)
    for name, value in result.items():
        print(f"{name:24} {value:.6g}" if isinstance(value, float) else f"{name:24} {value}")
    text = json.dumps(result)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")
    if result["differing_counts"]:
        raise SystemExit("counts differ from those of the CPU backend")


def measure(options: argparse.Namespace) -> dict[str, str | int | float | None]:
    """Build the problem, count, check."""
    import jax

    from fastbench.kernels import cpu, xla
    from fastbench.kernels.xla.rank import usable

    usable.LEAST_FLOPS = {}  # what is small is measured too
    n, d = options.n - options.n % options.replicates, options.d  # whole groups: one padded width
    x, positive, negative = problem(n, d, options.replicates, options.signal)
    queries = np.arange(n)
    offsets, positives = xla.partners(positive, queries)

    prepared, prepare_s = timed(
        lambda: xla.prepare(x, options.distance, negative, platform=options.platform, precision=options.precision)
    )
    if prepared.reason:
        raise SystemExit(f"nothing to measure: {prepared.reason}")
    first = min(n, prepared.tile[0] * len(prepared.devices))
    last = n - n % first
    _, warm_up_s = timed(
        lambda: [  # the first launch and the last, which may be smaller: all programs of the run
            xla.count_outranking(prepared, queries[a:b], offsets[a : b + 1], positives)
            for a, b in ((0, first), (last, n))
        ]
    )
    runs = [timed(lambda: xla.count_outranking(prepared, queries, offsets, positives)) for _ in range(options.repeats)]
    counts, count_s = min(runs, key=lambda run: run[1])
    values, above, tied, rechecked, *_ = counts
    ap, ap_s = timed(lambda: xla.average_precision(offsets, values, above, tied, "expected"))

    some = np.sort(np.random.default_rng(1).permutation(n)[: options.check])
    chosen = np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in some] or [np.empty(0, np.int64)])
    starts = np.concatenate([[0], np.cumsum(np.diff(offsets)[some])]).astype(np.int64)
    expected, check_s = timed(lambda: cpu.count_outranking(prepared.host, some, starts, positives[chosen]))
    differing = sum(
        int(np.sum(mine[chosen] != theirs)) for mine, theirs in zip((values, above, tied), expected[:3], strict=True)
    )

    # A pair takes one product of d terms, three with split operands. Its tile entry is written once and read twice
    # (count, second look); the fused kernel writes none, and reads all operands once for each tile of queries. Features
    # are read in the second look.
    flops = 2.0 * n * n * d * products(prepared)
    tiles = 4.0 * n * d * -(-n // prepared.tile[0]) if prepared.fused else 12.0 * n * n
    moved = tiles + rechecked * 2.0 * x.itemsize * d
    ceiling = options.ceiling or product_rate(prepared)
    stats = prepared.devices[0].memory_stats() or {}
    return {
        "device": f"{len(prepared.devices)} x {prepared.devices[0].device_kind}",
        "jax": jax.__version__,
        "n": n,
        "d": d,
        "replicates": options.replicates,
        "distance": options.distance,
        "precision": prepared.precision,
        "fused": prepared.fused,
        "mean_ap": float(np.nanmean(ap)),
        "prepare_s": prepare_s,
        "warm_up_s": warm_up_s,
        "count_s": count_s,
        "ap_s": ap_s,
        "flops": flops,
        "bytes_estimate": moved,
        "tflops_per_s": flops / count_s / 1e12,
        "gbytes_per_s": moved / count_s / 1e9,
        "ceiling_tflops_per_s": ceiling,
        "ceiling_from": "given" if options.ceiling else "product of one tile on this device",
        "share_of_ceiling": flops / count_s / 1e12 / ceiling,
        "rechecked": rechecked,
        "share_rechecked": rechecked / (n * n),
        "peak_device_bytes": stats.get("peak_bytes_in_use"),
        "peak_host_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "checked_queries": len(some),
        "check_s": check_s,
        "differing_counts": differing,
    }


def problem(n: int, d: int, replicates: int, signal: float):  # type: ignore[no-untyped-def]
    """Rows in groups that share a centre; positives are the group, negatives all else."""
    from fastbench.kernels.codes import PairCodes, column_index

    rng = np.random.default_rng(0)
    group = np.arange(n) // replicates
    x = rng.standard_normal((n, d), dtype=np.float32)
    x += np.float32(signal) * rng.standard_normal((group[-1] + 1, d), dtype=np.float32)[group]
    none, one = column_index([], n), column_index([np.zeros(n, np.int64)], n)
    return x, PairCodes(column_index([group], n), none, none), PairCodes(one, none, column_index([group], n))


def products(prepared) -> int:  # type: ignore[no-untyped-def]
    """Return how many products a tile takes."""
    from fastbench.kernels.xla.rank.precision import SPLIT

    return 3 if prepared.precision in SPLIT else 1


def product_rate(prepared) -> float:  # type: ignore[no-untyped-def]
    """Tflop/s of the product of one tile, on all devices together if they are equal."""
    from functools import partial

    import jax

    from fastbench.kernels.xla import context
    from fastbench.kernels.xla.rank import precision

    queries, columns = prepared.tile
    with context.settings():
        multiply = jax.jit(partial(precision.product, precision=prepared.precision))
        a = tuple(each[:queries] for each in prepared.resident.operands)
        b = tuple(each[:columns] for each in prepared.resident.operands)
        jax.block_until_ready(multiply(a, b))
        _, seconds = timed(lambda: jax.block_until_ready([multiply(a, b) for _ in range(10)]))
    flops = products(prepared) * 2.0 * len(a[0]) * len(b[0]) * prepared.host.rows.x.shape[1]
    return 10 * flops / seconds / 1e12 * len(prepared.devices)


def timed(work):  # type: ignore[no-untyped-def]
    """Return what `work` returns, and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


if __name__ == "__main__":
    main()
