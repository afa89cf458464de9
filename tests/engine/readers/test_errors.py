"""The sentences of files that cannot be read."""

from __future__ import annotations

import errno

import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.readers.errors import (
    damaged_file_as_input_error,
    missing_file_error,
    refuse_git_lfs_pointer,
    unreadable_error,
)


def test_a_missing_file_names_its_neighbour_or_its_folder(tmp_path):
    (tmp_path / "plate.csv").write_text("x\n")
    path = tmp_path / "plates.csv"
    assert str(missing_file_error(path)) == f"There is no file '{path}'; did you mean 'plate.csv'?"
    assert str(missing_file_error(tmp_path / "q.obo", "ontology", "~/q.obo")) == "There is no ontology '~/q.obo'."
    lost = tmp_path / "none" / "a.csv"
    assert str(missing_file_error(lost)) == f"There is no file '{lost}' (there is no folder '{lost.parent}')."


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("bad magic\nand more"), "'a.npz' is damaged, cut off or not HDF5: bad magic."),
        (KeyError(), "'a.npz' is damaged, cut off or not HDF5: KeyError."),
        (MemoryError("9 EiB"), "'a.npz' does not fit into memory, or is damaged: 9 EiB."),
        (InputError("As it was."), "As it was."),
    ],
)
def test_what_libraries_raise_becomes_one_sentence(error, sentence):
    with pytest.raises(InputError) as caught, damaged_file_as_input_error("a.npz", "HDF5"):
        raise error
    assert str(caught.value) == sentence


def test_pointers_and_permissions():
    refuse_git_lfs_pointer(b"Metadata_Plate,x\n", "a.csv")
    with pytest.raises(InputError, match=r"'a\.csv' is a Git LFS pointer, not the data"):
        refuse_git_lfs_pointer(b"version https://git-lfs.github.com/spec/v1\n", "a.csv")
    error = OSError(errno.EACCES, "Permission denied")
    assert str(unreadable_error("a.csv", error)) == "'a.csv' cannot be read: Permission denied."
