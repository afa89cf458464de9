"""A table of metadata beside profiles: its rows joined by position or by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from ...choices import did_you_mean
from ...errors import InputError, counted, examples
from ...tables.frames import distinct_texts, near_duplicate_labels
from ...tables.keys import comparable
from ...tables.labels import missing_texts
from ...tables.profiles import Profiles
from ...tables.wells import WELL, column_spelled, plain_wells
from ..arrow import arrow_columns, arrow_frame
from ..column_roles import refuse_repeated, tidy_metadata
from ..digests import source_of
from ..errors import missing_file_error
from ..formats import ANNDATA, ARRAYS, ARROW, TEXT, format_of
from ..text import type_text, without_missing_text
from ..text_table import text_columns, text_names

__all__ = ["join_metadata"]


def join_metadata(profiles: Profiles, given: str, key: Sequence[str], missing_text: Sequence[str]) -> Profiles:
    """Give profiles the columns of a table.

    Parameters
    ----------
    profiles : Profiles
        n profiles.
    given : str
        The table, as the user gave it: CSV, TSV, Parquet or Arrow.
    key : sequence of str
        Columns that both have, in which rows agree; plates and wells in any usual spelling. Empty: the table has a row
        for each profile, in their order.
    missing_text : sequence of str
        As in `read_profiles`.

    Returns
    -------
    Profiles
        Without those of which the table has no row; the table is among their sources. What was done is in the notes.

    Raises
    ------
    InputError
        When counts do not agree, a key is not there or comes twice in the table, no row is found, or a column that is
        no key has other values in the two.
    """
    path = Path(given).expanduser()
    table, notes = _table(path, given, missing_text)
    table_source = source_of(path, table.height)
    profiles = replace(profiles, sources=(*profiles.sources, table_source))
    if key:
        return _by_key(profiles, table, given, key, notes)
    own = profiles.metadata.columns
    if own:
        raise InputError(
            f"The profiles have columns of their own ({examples(own)}): name those by which rows of '{given}' are "
            "joined with --key."
        )
    if len(profiles.sources) > 2:
        raise InputError(f"Rows of '{given}' go by position with one array alone; join them with --key.")
    if table.height != len(profiles):
        raise InputError(
            f"'{profiles.sources[0].path}' has {len(profiles)} rows but '{given}' has {table.height}: row by row they "
            "must agree. Where both have columns that name a row, join them with --key."
        )
    said = f"The {table.height} rows of '{given}' are those of '{profiles.sources[0].path}' by position."
    return replace(profiles, metadata=table, notes=(*profiles.notes, said, *notes))


def _table(path: Path, shown: str, missing_text: Sequence[str]) -> tuple[pl.DataFrame, list[str]]:
    if not path.is_file():
        raise missing_file_error(path, "table of metadata", shown)
    suffix = format_of(path)
    if suffix in TEXT:
        columns = text_columns(path, shown, text_names(path, shown))
        frame = pl.DataFrame([pl.Series(name, pl.from_arrow(values)) for name, values in columns.items()])
    elif suffix in ARROW:
        names, index, _ = arrow_columns(path, shown)
        refuse_repeated(names, shown)
        frame = tidy_metadata(arrow_frame(path, shown, [name for name in names if name not in index]))
    elif suffix in (*ARRAYS, *ANNDATA):
        raise InputError(
            f"'{shown}' holds vectors, not a table of metadata: are the two files exchanged? Profiles or vectors come "
            "first, and the table (csv, tsv, parquet, arrow) after --metadata."
        )
    else:
        raise InputError(
            f"The table of metadata '{shown}' is of no format that is read: give a .csv, .tsv or .parquet."
        )
    [frame], notes = without_missing_text([frame], missing_texts(missing_text))
    if suffix in TEXT:
        [frame] = type_text([frame])
    return frame, [*notes, *near_duplicate_labels(distinct_texts(frame, frame.columns))]


def _by_key(profiles: Profiles, table: pl.DataFrame, given: str, key: Sequence[str], notes: Sequence[str]) -> Profiles:
    mine, theirs, used, same = [], [], [], []
    for i, name in enumerate(key):
        found = _key(profiles.metadata, name, "The profiles have"), _key(table, name, f"'{given}' has")
        used.append(found[1])
        same += [found[1]] if found[0] == found[1] else []
        one, other = comparable(profiles.metadata[found[0]], table[found[1]])
        if column_spelled(WELL, [name]) and one.dtype == pl.String:
            one, other = plain_wells(one), plain_wells(other)
        mine.append(one.alias(f"key {i}"))
        theirs.append(other.alias(f"key {i}"))
    names = [series.name for series in mine]
    right = pl.DataFrame(theirs).with_row_index("row").drop_nulls()
    twice = right.filter(pl.struct(names).is_duplicated())
    if twice.height:
        first = table[used][int(twice["row"][0])].row(0)
        raise InputError(
            f"'{given}' has {twice.height} rows whose {', '.join(key)} come more than once, such as {examples(first)}: "
            "one row for each is needed; name more columns with --key, or leave rows out."
        )
    row = pl.DataFrame(mine).join(right, on=names, how="left", maintain_order="left")["row"]
    there = row.is_not_null()
    if not there.any():
        shown = [examples(frame.row(0)) for frame in (pl.DataFrame(mine), pl.DataFrame(theirs))]
        raise InputError(
            f"No row of the profiles has its {', '.join(key)} in '{given}': one has {shown[0]}, the table {shown[1]}."
        )
    kept = profiles.take(there.to_numpy()) if not there.all() else profiles
    rows = row.drop_nulls().to_numpy().astype(np.int64)
    added = table.drop(same)[rows]
    shared = [name for name in added.columns if name in kept.metadata.columns]
    for name in shared:
        one, other = comparable(kept.metadata[name], added[name])
        if differing := int((~one.eq_missing(other)).sum()):
            raise InputError(
                f"Column {name!r} of '{given}' has other values than the profiles in {differing} of {len(kept)} rows; "
                "rename it, or name it with --key."
            )
    said = f"Rows of '{given}' are joined by {', '.join(key)}: {len(kept)} of {len(profiles)} rows have one"
    said += "." if there.all() else f", and {len(profiles) - len(kept)} that have none were left out."
    if unused := table.height - len(np.unique(rows)):
        said += f" {counted(unused, 'row of the table belongs', 'rows of the table belong')} to no profile."
    metadata = pl.concat([kept.metadata, added.drop(shared)], how="horizontal")
    return replace(kept, metadata=metadata, notes=(*kept.notes, said, *notes))


def _key(frame: pl.DataFrame, name: str, what: str) -> str:
    found = column_spelled(name, frame.columns)
    if found is None:
        hint = did_you_mean(name, frame.columns) or f"; the columns are {examples(frame.columns, 8) or 'none'}."
        raise InputError(f"{what} no column {name!r}, which --key names{hint}")
    return found
