"""``fastbench ontology``: what it prints, how it ends, and that --ontology takes what it fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from ..engine.cpjump.fetch.gallery import Gallery, served
from ..engine.fmeasure.ontology.test_fetch import NEW, obo
from .running import call, refused


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("fastbench.engine.downloads.several._LAST_WAIT", 0)


@pytest.fixture
def server() -> Iterator[Gallery]:
    with served() as running:
        running.objects["cl.obo"] = obo(NEW)
        yield running


def said(*arguments: object) -> str:
    done = call("ontology", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_a_term_is_shown_as_a_tree() -> None:
    lines = said("show", "T cell").splitlines()
    assert lines[:2] == ["id             CL:0000084", "name           T cell"]
    start = lines.index("ancestors      12 by is_a")
    assert lines[start + 1 : start + 4] == [
        "  CL:0000000 cell",
        "    CL:0000003 native cell",
        "      CL:0000255 eukaryotic cell",
    ]
    assert sum(line.endswith("CL:0000084 T cell <-") for line in lines) == 1
    assert "        CL:0000738 leukocyte (see above)" in lines
    assert lines[-1] == "descendants    153"
    assert max(map(len, lines)) <= 120
    found = json.loads(said("show", "CL_0000084", "--json"))
    assert (found["id"], found["descendants"], len(found["ancestors"])) == ("CL:0000084", 153, 12)
    assert {"synonym": "T-cell", "scope": "exact"} in found["synonyms"]


def test_an_ontology_is_described() -> None:
    text = said("info", "sample:cl")
    for line in ("release        2022-12-15", "obsolete       160 terms", "roots          CL:0000000 cell"):
        assert line in text.splitlines()
    found = json.loads(said("info", "sample:cl", "--json"))
    assert found["scored"]["terms"] == 2635
    assert "packaged with fastbench" in said("info")
    assert [each["ontology"] for each in json.loads(said("info", "--json"))["ontologies"]] == ["sample:cl"]


def test_what_was_fetched_is_used_by_name(server: Gallery, tmp_path: Path) -> None:
    url = f"{server.endpoint}/cellpainting-gallery/cl.obo"
    text = said("fetch", "cl", "--url", url)
    assert text.startswith(f"cl@{NEW}: 0.0 MB, fetched and checked\nfrom: {url}\nsha256: ")
    assert text.endswith(f"next: fastbench fmeasure ... --ontology cl@{NEW}\n")
    assert "here already" in said("fetch", "cl", "--url", url)
    assert json.loads(said("fetch", "cl", "--url", url, "--json"))["new"] is False
    assert f"cl@{NEW}" in said("info")
    assert url in said("info", "cl")
    calls = tmp_path / "calls.csv"
    pl.DataFrame({"id": ["a", "b"], "ct": ["CL:0000084", "CL_0000084"]}).write_csv(calls)
    scoring = ["fmeasure", "--truth", f"{calls}:ct", "--pred", f"m={calls}:ct", "--output-dir", tmp_path / "out"]
    for given in (f"cl@{NEW}", "cl", "sample:cl"):
        done = call(*scoring, "--ontology", given, "--bootstrap", 0, "--no-figures", "--overwrite", "--json")
        assert done.returncode == 0, done.stderr
        manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
        assert manifest["options"]["ontology"] == given
        (used,) = manifest["ontologies"].values()
        assert used["terms"] == (2635 if given == "sample:cl" else 2)


def test_refusals_are_one_sentence(server: Gallery, tmp_path: Path) -> None:
    missing = f"{server.endpoint}/cellpainting-gallery/none.obo"
    assert "the server has no such file (404)" in refused("ontology", "fetch", "cl", "--url", missing)
    assert "NAME is needed" in refused("ontology", "fetch")
    assert refused("ontology", "fetch", "cl", "--sha256", "x").startswith("fastbench: --sha256 must be 64 hexadecimal")
    assert "did you mean 'T cell'" in refused("ontology", "show", "T cel")
    assert "fetch it with 'fastbench ontology fetch cl'" in refused("ontology", "info", "cl")
    assert "There is no ontology file 'none.obo'" in refused("ontology", "info", "none.obo")
