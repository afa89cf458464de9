"""What is kept between runs: taken where the content is the same, computed where it is not there or not whole."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from fastbench.engine.results.cache import Cache

X = np.arange(12, dtype=np.float32).reshape(4, 3)


class Columns:
    """A cache in a folder, and what is computed beside it."""

    def __init__(self, folder: Path | None, **limits: float) -> None:
        self.cache, self.computed = Cache(folder, least_work=5, **limits), 0  # type: ignore[arg-type]

    def __call__(self, x: np.ndarray, scale: int = 1, work: float = 10) -> None:
        def compute() -> tuple[np.ndarray, np.ndarray]:
            self.computed += 1
            return x[:, 1] * scale, np.arange(3, dtype=np.int32)

        column, numbers = self.cache.arrays(compute, work, ["column", scale], x)
        np.testing.assert_array_equal(column, x[:, 1] * scale)
        assert (column.dtype, numbers.dtype) == (x.dtype, np.int32)


def test_the_same_content_is_taken_and_other_content_is_not(tmp_path):
    Columns(tmp_path / "new" / "folder")(X)
    columns = Columns(tmp_path / "new" / "folder")
    columns(X.copy())
    columns(np.asfortranarray(X))
    assert (columns.computed, columns.cache.n_taken) == (0, 2)
    for others in (X + 1, X.reshape(3, 4), X.astype(np.float64), X.view(np.int32)):
        columns(others)
    columns(X, scale=2)
    assert columns.computed == 5
    columns(X[:2], work=1)
    columns(X[:2], work=1)
    assert columns.computed == 7  # too little work to be kept


def test_what_is_damaged_is_computed_again_and_repaired(tmp_path):
    Columns(tmp_path)(X)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    for broken in (bytes(content), bytes(content[:50]), b""):
        file.write_bytes(broken)
        columns, later = Columns(tmp_path), Columns(tmp_path)
        columns(X)
        columns(X)
        assert (columns.computed, columns.cache.n_taken) == (1, 0)  # its own is not that of an earlier run
        later(X)
        assert (later.computed, later.cache.n_taken) == (0, 1)
        assert list(tmp_path.iterdir()) == [file]


def test_what_was_used_longest_ago_goes_first(tmp_path):
    few = Columns(tmp_path)
    few(X)
    (first,) = tmp_path.iterdir()
    size = first.stat().st_size
    few = Columns(tmp_path, most_bytes=2 * size + 20)  # two files, but not the arrays of a third
    few(X + 1)
    (second,) = set(tmp_path.iterdir()) - {first}
    os.utime(first, (1, 1))
    os.utime(second, (2, 2))
    few(X)  # used again
    few(X + 2)
    assert (few.cache.n_taken, few.computed) == (1, 2)
    assert first.exists()
    assert not second.exists()
    assert len(list(tmp_path.iterdir())) == 2
    none = Columns(tmp_path / "none", most_bytes=10)
    none(X)
    assert not (tmp_path / "none").exists()


def test_without_a_place_all_is_computed(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for folder in (None, tmp_path / "file" / "computed"):
        columns = Columns(folder)
        columns(X)
        columns(X)
        assert (columns.computed, columns.cache.n_taken) == (2, 0)

    def no_home(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", no_home)
    assert Cache.of_user().folder is None


@pytest.mark.parametrize("writes", [True, False])
def test_two_runs_at_a_time(tmp_path, writes):
    """Another run keeps the same, or removes all, while this one computes."""

    def compute() -> tuple[np.ndarray]:
        if writes:
            Cache(tmp_path, least_work=0).arrays(lambda: (X,), 1, "x", X)
        else:
            tmp_path.rmdir()
        return (X,)

    (found,) = Cache(tmp_path, least_work=0).arrays(compute, 1, "x", X)
    assert found is X
    assert len(list(tmp_path.iterdir())) == 1
