"""Benchmark files: what is read from them, and what two of them have to say to each other."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.bench.files import compare, parse_run, peers, read_run, times_ours
from fastbench.bench.markdown import BEGIN, END, insert, tables
from fastbench.engine.errors import InputError


def entry(tool="fastbench", best=1.0, job="10 x 5", group="all pairs, 10 x 5", **extra):
    return {
        "group": group,
        "name": f"test_{job}[{tool}]",
        "stats": {"min": best, "median": 1.5 * best, "rounds": 3},
        "extra_info": {"tool": tool, "job": job, **extra},
    }


def content(*entries, cpu="Xeon", cores=2):
    return {
        "machine_info": {
            "cpu": {"brand_raw": cpu, "count": 64},
            "fastbench": {"usable_cores": cores, "blas": "openblas 0.3", "versions": {"numpy": "2.4", "jax": None}},
        },
        "commit_info": {"id": "abc"},
        "datetime": "2026-01-01T00:00:00+00:00",
        "benchmarks": list(entries),
    }


def run(*entries, **machine):
    return parse_run(content(*entries, **machine), "here")


def test_what_is_read():
    found = run(entry(peak_MB=12, flops=500.0), entry("copairs", 3.0, share=0.25))
    assert (found.cpu, found.cores, found.blas, found.commit) == ("Xeon", "2", "openblas 0.3", "abc")
    ours, peer = found.measured
    assert (ours.best, ours.median, ours.peak_mb, ours.flops) == (1.0, 1.5, 12.0, 500.0)
    assert (peer.best, peer.median, peer.share) == (12.0, 18.0, 0.25)  # the whole job, of which a quarter was measured
    assert peers(ours, found.measured) == [peer]
    assert times_ours(peer, found.measured) == 12.0
    assert times_ours(ours, found.measured) is None
    assert times_ours(peer, [peer]) is None


def test_a_file_of_other_suites_is_read_too():
    plain = {"name": "test_x", "group": None, "stats": {"min": 1, "median": 1, "rounds": 1}}
    found = parse_run({"machine_info": {"processor": "arm"}, "benchmarks": [plain]}, "here")
    assert (found.cpu, found.cores, found.measured[0].job) == ("arm", "unknown", "test_x")


@pytest.mark.parametrize(
    "broken",
    [
        [],
        {},
        None,
        {"machine_info": {}},
        {"machine_info": [], "benchmarks": []},
        {"machine_info": {}, "benchmarks": [{}]},
        content({**entry(), "stats": {"min": 0, "median": 1, "rounds": 1}}),
        content({**entry(), "stats": {"min": math.nan, "median": 1, "rounds": 1}}),
        content({**entry(), "stats": None}),
        content(entry(share=0)),
    ],
)
def test_other_json_is_refused_in_one_sentence(tmp_path, broken):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(broken))
    with pytest.raises(InputError, match=r"x\.json is not a benchmark file") as caught:
        read_run(path)
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="There is no benchmark file"):
        read_run(tmp_path / "none.json")
    (tmp_path / "text").write_text("no JSON")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name in ("text", "bytes"):
        with pytest.raises(InputError, match="it is not JSON"):
            read_run(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read"):
        read_run(tmp_path)


@pytest.mark.slow
@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(text)
    with pytest.raises(InputError):
        read_run(path)


def test_verdicts_and_what_only_one_run_has():
    old = run(entry(), entry(job="b", best=1.0), entry(job="c"), entry(job="gone"), entry("copairs", 1.0, "d"))
    new = run(
        entry(best=1.2),
        entry(job="b", best=1.3),
        entry(job="c", best=0.7),
        entry(job="new"),
        entry("copairs", 9.0, "d"),
    )
    found = compare(old, new, 1.25)
    assert [change.verdict for change in found.changes] == ["same", "slower", "faster", "slower"]
    assert [change.new.job for change in found.regressions] == ["b"]  # a slower peer is no regression of ours
    assert [one.job for one in found.only_old] == ["gone"]
    assert [one.job for one in found.only_new] == ["new"]
    assert found.warnings == ()


def test_a_machine_slow_for_all_is_told_from_a_regression():
    old = run(entry(best=1.0), entry("copairs", 10.0), entry("GEMM", 0.1))
    new = run(entry(best=3.0), entry("copairs", 20.0), entry("GEMM", 0.45))
    change = compare(old, new).changes[0]
    assert change.ratio == pytest.approx(3.0)
    assert change.beside_peers == pytest.approx(3.0 / math.sqrt(2.0 * 4.5))
    alone = compare(run(entry()), new).changes[0]
    assert alone.beside_peers is None


def test_other_machines_are_named():
    found = compare(run(entry()), run(entry(), cpu="Epyc", cores=16))
    assert len(found.warnings) == 2
    assert "Xeon before, Epyc now" in found.warnings[0]
    assert "2 before, 16 now" in found.warnings[1]


@pytest.mark.parametrize("margin", [0.9, 0, -1, math.nan, math.inf])
def test_margins_below_one_are_refused(margin):
    with pytest.raises(InputError, match="at least 1"):
        compare(run(entry()), run(entry()), margin)


times = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["fastbench", "copairs"])), st.floats(1e-6, 1e3)
)


@pytest.mark.slow
@given(times, times, st.floats(1, 5))
def test_swapping_the_runs_swaps_the_verdicts(before, after, margin):
    first, second = (run(*(entry(t, s, j) for (j, t), s in each.items())) for each in (before, after))
    there, back = compare(first, second, margin), compare(second, first, margin)
    assert {one.key for one in there.only_old} == {one.key for one in back.only_new}
    swapped = {"same": "same", "slower": "faster", "faster": "slower"}
    reverse = {change.new.key: change for change in back.changes}
    assert len(reverse) == len(there.changes)
    for change in there.changes:
        other = reverse[change.new.key]
        assert change.ratio == pytest.approx(1 / other.ratio)
        if not any(change.ratio == pytest.approx(edge) for edge in (margin, 1 / margin)):
            assert swapped[change.verdict] == other.verdict


def test_markdown_tables():
    text = tables(
        run(
            entry(best=0.5, peak_MB=12, flops=1e9),
            entry("copairs", 50.0, peak_MB=1234, share=0.5),
            *(entry(group="all pairs, growth with n", job=f"{n} x 5") for n in (20, 40, 80)),
            entry(group="kernels, partners", job="k", ns_per_entry=93.25),
        )
    )
    assert "Xeon, 2 usable cores, openblas 0.3; numpy 2.4; 2026-01-01." in text
    assert "| 10 x 5 | 0.5 s | about 100 s | 200 | 12 MB | 1,234 MB | 2 |" in text
    assert "### all pairs, growth with n\n\n| job | fastbench |" in text  # a series has a table of its own
    assert "| partners | k | 1 s | 93 ns |" in text


def test_markdown_goes_between_the_marks():
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert insert(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert insert(insert(page, "x"), "new") == insert(page, "new")
    with pytest.raises(SystemExit, match="lacks the marks"):
        insert("no marks", "new")
