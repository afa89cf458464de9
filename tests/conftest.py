"""Shared settings of the tests: examples, caches, processes, and what the fast run leaves out."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same examples on every run of the checks, so that a red run can be repeated; locally, new ones each time.
settings.register_profile("ci", derandomize=True, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# Idle threads of OpenBLAS wait asleep, not busy: several processes share the cores. It is read when NumPy is imported.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

HERE = Path(__file__).parent
#: Modules and folders that compile programs for JAX, start processes, or take more than a few seconds.
SLOW = frozenset(
    {
        "bench/test_labels.py",
        "bench/test_run.py",
        "cli/test_bench_gpu.py",
        "cli/test_cpjump_compare.py",
        "cli/test_cpjump_fetch.py",
        "cli/test_cpjump_options.py",
        "cli/test_cpjump_split.py",
        "cli/test_fmeasure.py",
        "cli/test_fmeasure_azimuth.py",
        "cli/test_ontology.py",
        "cli/test_rerun_and_compare.py",
        "docs",
        "engine/command/test_example.py",
        "engine/cpjump/compare/test_calibration.py",
        "engine/cpjump/figures/test_benchmark.py",
        "engine/cpjump/figures/test_comparison.py",
        "engine/cpjump/plates/test_embeddings.py",
        "engine/cpjump/plates/test_files.py",
        "engine/cpjump/plates/test_simulate.py",
        "engine/cpjump/plates/test_wells.py",
        "engine/cpjump/test_counts.py",
        "engine/cpjump/test_naive_reference.py",
        "engine/cpjump/test_presets.py",
        "engine/cpjump/test_replicating.py",
        "engine/cpjump/test_resume.py",
        "engine/embed",
        "engine/perturb/test_job.py",
        "engine/fmeasure/azimuth/test_convert.py",
        "engine/fmeasure/compare/test_paired.py",
        "engine/fmeasure/figures/test_confusions.py",
        "engine/fmeasure/figures/test_scores.py",
        "engine/fmeasure/scores/test_hierarchical.py",
        "engine/fmeasure/scores/test_intervals.py",
        "engine/fmeasure/scores/test_metrics.py",
        "engine/fmeasure/test_pipeline.py",
        "engine/fmeasure/test_pipeline_numbers.py",
        "engine/fmeasure/test_resume.py",
        "engine/fmeasure/workspace/test_read.py",
        "engine/map/test_figures.py",
        "engine/map/test_lincs.py",
        "engine/map/test_resume.py",
        "engine/nulls/test_map_null.py",
        "engine/readers/test_anndata.py",
        "engine/retrieval/test_copairs_api.py",
        "kernels/test_compiled.py",
        "kernels/test_confusion.py",
        "kernels/test_ontology_kernels.py",
        "kernels/test_ranking.py",
        "kernels/xla",
        "test_same_results.py",
    }
)


def is_slow(path: Path) -> bool:
    """Return whether a file of tests is left out of the fast run."""
    place = path.relative_to(HERE)
    return any(each.as_posix() in SLOW for each in (place, *place.parents))


def pytest_configure(config: pytest.Config) -> None:
    """Keep what JAX compiles, here and in the processes that tests start, beside pytest's own cache."""
    if hasattr(config, "cache"):  # not with -p no:cacheprovider
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(config.cache.mkdir("jax")))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare searches for garbage among what was imported, and let one process at a time compile a kernel.

    The others then find it on disk, instead of compiling it as well.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    if "PYTEST_XDIST_WORKER" in os.environ and hasattr(session.config, "cache"):
        _take_turns_in_compiling(session.config.cache.mkdir("kernels") / "lock")


def _take_turns_in_compiling(path: Path) -> None:
    import fcntl

    from fastbench.kernels.compile import Kernel

    load_one = Kernel._load

    def load_in_turn(self: Any, arguments: Any) -> Any:
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            return load_one(self, arguments)

    Kernel._load = load_in_turn


@pytest.fixture(scope="session", autouse=True)
def _no_idle_databases() -> Iterator[None]:
    """Copairs opens a database for each table of pairs, which takes 40 ms, and then asks the default one."""
    with pytest.MonkeyPatch.context() as patch:
        if "copairs.matching" in sys.modules:
            patch.setattr("copairs.matching.duckdb.connect", lambda *_: nullcontext())
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_disks() -> Iterator[None]:
    """Results are written by the hundred; that they outlast a loss of power is not what tests can see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave slow modules unread in the fast run, because importing what they need takes seconds."""
    return True if config.option.markexpr == "fast" and is_slow(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as fast what is not slow, as a module or by its own mark."""
    for item in items:
        if not is_slow(item.path) and item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.fast)
