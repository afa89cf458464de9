"""The tables of bench/README.md from a benchmark file, so that no number is typed by hand.

    python -m fastbench.bench.markdown benchmarks/20260101T000000Z.json [--into bench/README.md]

prints them, or puts them between the two marks of the given file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from fastbench.bench.files import OURS, Measured, Run, read_run
from fastbench.engine.results.files import write_atomic

__all__ = ["insert", "tables"]

BEGIN, END = "<!-- measured: python -m fastbench.bench.markdown FILE --into bench/README.md -->", "<!-- end -->"


def tables(run: Run) -> str:
    """Write all tables: one for a family of groups, and one for each series of sizes of fastbench alone."""
    blocks: dict[str, list[Measured]] = {}
    for group, members in run.groups().items():
        series = len(members) > 2 and all(one.tool == OURS for one in members)
        blocks.setdefault(group if series else group.partition(",")[0], []).extend(members)
    versions = ", ".join(f"{name} {number}" for name, number in run.versions.items() if number)
    head = f"{run.cpu}, {run.cores} usable cores, {run.blas}; {versions}; {run.when[:10]}."
    return "\n\n".join([head, *(f"### {title}\n\n{_table(title, members)}" for title, members in blocks.items())])


def insert(text: str, measured: str) -> str:
    """Replace what stands between the marks of a text."""
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise SystemExit(f"the file lacks the marks {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}"


def _table(title: str, members: Sequence[Measured]) -> str:
    tools = list(dict.fromkeys(one.tool for one in members))
    jobs: dict[tuple[str, str], dict[str, Measured]] = {}
    for one in members:
        jobs.setdefault((one.group.removeprefix(title).removeprefix(", "), one.job), {})[one.tool] = one
    columns = {"job": [job for _, job in jobs]}
    if not all(job.startswith(what) for what, job in jobs):
        columns = {"": [what for what, _ in jobs], **columns}
    for tool in tools:
        columns[tool] = [_seconds(row.get(tool)) for row in jobs.values()]
    for tool in tools:
        if tool != OURS:
            columns[f"{tool} / {OURS}"] = [_ratio(row.get(tool), row.get(OURS)) for row in jobs.values()]
    for tool in tools:
        columns[f"memory, {tool}"] = [_memory(row.get(tool)) for row in jobs.values()]
    for tool in [tool for tool in (OURS, "GEMM") if tool in tools]:
        columns[f"GFlop/s, {tool}"] = [_rate(row.get(tool)) for row in jobs.values()]
    columns["an entry"] = [_entry(row.get(OURS)) for row in jobs.values()]
    kept = {name: cells for name, cells in columns.items() if any(cells)}
    rows = [list(kept), ["---"] * len(kept), *map(list, zip(*kept.values(), strict=True))]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _number(value: float) -> str:
    """Two digits: more would be noise."""
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.2g}"


def _seconds(one: Measured | None) -> str:
    if one is None:
        return ""
    about = "" if one.share == 1 else "about "
    return f"{about}{_number(one.best)} s" if one.best >= 0.0995 else f"{about}{_number(one.best * 1e3)} ms"


def _ratio(peer: Measured | None, ours: Measured | None) -> str:
    return _number(peer.best / ours.best) if peer and ours else ""


def _memory(one: Measured | None) -> str:
    return f"{one.peak_mb:,.0f} MB" if one and one.peak_mb is not None else ""


def _rate(one: Measured | None) -> str:
    return _number(one.flops / one.best / 1e9) if one and one.flops else ""


def _entry(one: Measured | None) -> str:
    return f"{_number(one.ns_per_entry)} ns" if one and one.ns_per_entry is not None else ""


def main() -> None:
    """Print the tables, or put them where they belong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="benchmark file")
    parser.add_argument("--into", type=Path, help="Markdown file with the marks")
    options = parser.parse_args()
    measured = tables(read_run(options.file))
    if options.into is None:
        print(measured)
        return
    text = insert(options.into.read_text(), measured).encode()
    write_atomic(options.into, lambda handle: handle.write(text))


if __name__ == "__main__":
    main()
