"""Releases fetched from a server that cuts, lies and says no: kept whole under their names, or not kept."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fastbench.engine.downloads.store import Patience
from fastbench.engine.errors import InputError
from fastbench.engine.fmeasure.ontology import fetch as fetching
from fastbench.engine.fmeasure.ontology.fetch import Fetched, fetch
from fastbench.engine.fmeasure.ontology.kept import cache_folder, find_ontology, kept_ontologies
from fastbench.engine.fmeasure.ontology.known import KNOWN
from fastbench.engine.fmeasure.ontology.options import FetchOptions
from fastbench.engine.fmeasure.ontology.read import read_ontology
from tests.engine.cpjump.fetch.gallery import Gallery, served

from .test_obo import GRAPH

SOON = Patience(retries=1, first_wait=0.001, longest_wait=0.01, silence=5)
NEW, OLD = "2024-05-15", "2023-09-30"


def obo(release: str, more: str = "", filling: int = 0) -> bytes:
    """A small ontology, made long by synonyms that do not compress."""
    head = f"format-version: 1.2\ndata-version: cl/releases/{release}/cl-basic.owl\nontology: cl\n"
    terms = "\n[Term]\nid: CL:0000000\nname: cell\n\n[Term]\nid: CL:0000084\nname: T cell\nis_a: CL:0000000\n"
    words = "".join(f'synonym: "{hashlib.sha256(str(i).encode()).hexdigest()}" EXACT []\n' for i in range(filling))
    return (head + terms + words + more).encode()


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("fastbench.engine.downloads.several._LAST_WAIT", 0)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gallery]:
    """A server with two releases of cl-basic, the newer one at two places."""
    with served() as running:
        base = f"{running.endpoint}/cellpainting-gallery"
        running.objects |= {"new/cl-basic.obo": obo(NEW), f"assets/{OLD}/cl-basic.obo": obo(OLD)}
        monkeypatch.setitem(
            KNOWN,
            "cl-basic",
            replace(
                KNOWN["cl-basic"],
                newest=(f"{base}/new/cl-basic.obo",),
                released=(f"{base}/releases/{{release}}/cl-basic.obo", f"{base}/assets/{{release}}/cl-basic.obo"),
            ),
        )
        yield running


def run(name: str = "cl-basic", **more: Any) -> Fetched:
    return fetch(FetchOptions(name, **{"patience": SOON, **more}))


def refused(name: str = "cl-basic", **more: Any) -> str:
    with pytest.raises(InputError) as caught:
        run(name, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def names() -> list[str]:
    return sorted(path.name for path in cache_folder().glob("*")) if cache_folder().exists() else []


def address(server: Gallery, key: str) -> str:
    return f"{server.endpoint}/cellpainting-gallery/{key}"


def test_the_newest_release_is_kept_and_used_by_name(server: Gallery) -> None:
    found = run()
    assert found.is_new
    assert found.path == cache_folder() / f"cl-basic@{NEW}.obo"
    assert found.path.read_bytes() == obo(NEW)
    record = json.loads(found.path.with_name(f"{found.path.name}.record.json").read_bytes())
    assert record == found.record
    assert record["url"] == address(server, "new/cl-basic.obo")
    assert record["sha256"] == hashlib.sha256(obo(NEW)).hexdigest()
    assert (record["release"], record["data_version"]) == (NEW, f"cl/releases/{NEW}/cl-basic.owl")
    assert record["bytes"] == len(obo(NEW))
    assert record["date"].endswith("+00:00")
    assert "CC BY 4.0" in record["licence"]
    assert names() == [f"cl-basic@{NEW}.obo", f"cl-basic@{NEW}.obo.record.json"]
    for called in ("cl-basic", f"cl-basic@{NEW}"):
        assert find_ontology(called) == found.path
        assert read_ontology(called).terms == ("CL:0000000", "CL:0000084")
    assert not run().is_new
    assert server.sent("new/cl-basic.obo") == [None]  # the second time the server was only asked what it has
    assert run(overwrite=True).is_new


def test_a_newer_release_comes_beside_the_older(server: Gallery) -> None:
    run()
    server.objects["new/cl-basic.obo"] = obo("2024-12-01")
    assert run().record["release"] == "2024-12-01"
    assert [each.called for each in kept_ontologies()] == [f"cl-basic@{NEW}", "cl-basic@2024-12-01"]
    assert find_ontology("cl-basic").name == "cl-basic@2024-12-01.obo"
    assert find_ontology(f"cl-basic@{NEW}").read_bytes() == obo(NEW)


def test_a_release_is_found_at_the_second_address_and_not_asked_for_again(server: Gallery) -> None:
    found = run(release=f"v{OLD}")
    assert found.record["url"] == address(server, f"assets/{OLD}/cl-basic.obo")
    assert [key for _, key, *_ in server.requests[:2]] == [f"releases/{OLD}/cl-basic.obo", f"assets/{OLD}/cl-basic.obo"]
    server.requests.clear()
    assert not run(f"cl-basic@{OLD}").is_new
    assert server.requests == []


@pytest.mark.parametrize("tells_etags", [True, False])
def test_a_broken_download_is_resumed_where_files_are_told_apart(server: Gallery, tells_etags: bool) -> None:
    server.tells_etags = tells_etags
    content = server.objects["new/cl-basic.obo"] = obo(NEW, filling=20_000)
    server.always["new/cl-basic.obo"] = ("cut", 0.6)
    server.ranges = False  # so that no attempt gets further
    said = refused()
    assert said.startswith(f"The newest cl-basic cannot be fetched from {address(server, 'new/cl-basic.obo')}: ")
    assert said.endswith("; run the command again, which goes on with what was received.")
    assert [name.rpartition(".")[2] for name in names()] == ["part"]
    with pytest.raises(InputError, match="no ontology of this name is kept; fetch it with"):
        find_ontology("cl-basic")
    server.always.clear()
    server.ranges = True
    server.requests.clear()
    assert run().path.read_bytes() == content
    (span,) = server.sent("new/cl-basic.obo")
    assert (span is not None and span.startswith("bytes=")) is tells_etags
    assert names() == [f"cl-basic@{NEW}.obo", f"cl-basic@{NEW}.obo.record.json"]


def test_a_download_survives_cuts_and_wrong_answers(server: Gallery) -> None:
    content = server.objects["new/cl-basic.obo"] = obo(NEW, filling=20_000)
    server.faults["new/cl-basic.obo"] = [("cut", 0.5), 503, ("short",)]
    assert run().path.read_bytes() == content


def test_a_checksum_that_was_given_is_kept_to(server: Gallery) -> None:
    right, wrong = hashlib.sha256(obo(NEW)).hexdigest(), "0" * 64
    said = refused(sha256=wrong)
    url = address(server, "new/cl-basic.obo")
    assert said == f"{url} has the SHA-256 {right}, not {wrong} as --sha256 asks; it is not used."
    assert names() == []
    assert run(sha256=right.upper()).is_new
    assert not run(sha256=right).is_new
    assert refused(sha256=wrong, release=NEW).startswith("The kept file '")


def test_what_is_not_there(server: Gallery) -> None:
    said = refused(release="2024-13-01")
    assert said.startswith("Release 2024-13-01 of cl-basic is not published (http://127.0.0.1")
    assert said.count("the server has no such file (404)") == 2
    assert said.endswith(" Look at the name of the release, such as 2024-05-15.")
    del server.objects["new/cl-basic.obo"]
    assert refused().startswith("The newest cl-basic is not published (")
    assert names() == []


def test_a_server_that_cannot_be_reached(server: Gallery) -> None:
    run()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/cl-basic.obo"
        said = refused(url=url)
    assert said.startswith(f"The newest cl-basic cannot be fetched ({url}: the connection failed (")
    assert said.endswith(f"; see whether there is a network, or use what is here: cl-basic@{NEW}, sample:cl.")


def test_a_server_in_trouble_is_no_reason_not_to_ask_the_next(server: Gallery) -> None:
    first = f"releases/{OLD}/cl-basic.obo"
    server.objects[first] = obo(OLD)
    server.head_status[first] = 503
    assert run(release=OLD).record["url"] == address(server, f"assets/{OLD}/cl-basic.obo")
    server.head_status[f"assets/{NEW}/cl-basic.obo"] = 500
    said = refused(release=NEW)
    assert "the server has no such file (404)" in said
    assert "500" in said
    assert "cannot be fetched" in said


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<!DOCTYPE html><html>Moved</html>", "is a web page, not an ontology"),
        (b"nothing here", "is neither a JSON object nor OBO with [Term] entries"),
        (gzip.compress(obo(NEW))[:-9], "is damaged or cut off"),
    ],
)
def test_a_file_that_is_no_ontology_is_not_kept(server: Gallery, content: bytes, sentence: str) -> None:
    server.objects["new/cl-basic.obo"] = content
    said = refused()
    assert sentence in said
    assert said.startswith(address(server, "new/cl-basic.obo"))
    assert "cache" not in said
    assert names() == []


def test_a_file_of_another_release_is_not_kept(server: Gallery) -> None:
    server.objects[f"releases/{OLD}/cl-basic.obo"] = obo(NEW)
    said = refused(release=OLD)
    assert f"is release {NEW}, not {OLD}; leave --release out, or name that one." in said
    assert names() == []


def test_a_file_that_is_too_large(server: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MAX_BYTES", 100)
    size = len(obo(NEW))
    assert f"has {size:,} bytes, more than the 100 that fastbench fetches" in refused()
    assert server.sent("new/cl-basic.obo") == []


def test_a_kept_file_that_was_changed_is_refused_and_mended(server: Gallery) -> None:
    path = run().path
    path.write_bytes(path.read_bytes().replace(b"T cell", b"B cell"))
    with pytest.raises(InputError, match=r"is not as it was fetched; run 'fastbench ontology fetch cl-basic' again\.$"):
        read_ontology("cl-basic")
    assert run().is_new
    assert read_ontology("cl-basic").names["CL:0000084"] == "T cell"


def test_a_file_without_its_record_is_not_taken(server: Gallery) -> None:
    path = run().path
    record = path.with_name(f"{path.name}.record.json")
    for content in (b"", b"[]", b'{"name": "cl-basic"}', b"\xff"):
        record.write_bytes(content)
        assert kept_ontologies() == []
    assert run().is_new
    assert [each.path for each in kept_ontologies()] == [path]


def test_an_output_of_ones_own(server: Gallery, tmp_path: Path) -> None:
    output = tmp_path / "mine" / "cl.obo"
    found = run(output=output)
    assert (found.path, output.read_bytes()) == (output, obo(NEW))
    assert sorted(path.name for path in output.parent.iterdir()) == ["cl.obo", "cl.obo.record.json"]
    assert names() == []
    assert refused(output=output) == f"'{output}' exists; choose another file or pass --overwrite to replace it."
    assert run(output=output, release=OLD, overwrite=True).path.read_bytes() == obo(OLD)
    assert refused(output=output / "x").startswith(f"The output '{output}' is a file")
    assert "is a folder" in refused(output=tmp_path, overwrite=True)


def test_another_ontology_by_its_address(server: Gallery) -> None:
    server.objects["x/tiny.json.gz"] = gzip.compress(json.dumps(GRAPH).encode())
    found = run("tiny", url=address(server, "x/tiny.json.gz"))
    digest = hashlib.sha256(server.objects["x/tiny.json.gz"]).hexdigest()
    assert found.path.name == f"tiny@sha256-{digest[:12]}.json.gz"  # the file does not say its release
    assert found.record["licence"] is None
    assert read_ontology("tiny").terms == ("CL:0000000", "CL:0000002", "CL:0000003")
    assert run("tiny", url=address(server, "x/tiny.json.gz"), release="1.0").path.name == "tiny@1.0.json.gz"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"name": "cl-basc"},
            "There is no ontology 'cl-basc' that fastbench knows (cl, cl-basic, uberon, mondo, doid, ",
        ),
        ({"name": "cl-basc"}, "did you mean 'cl-basic'"),
        ({"name": "tiny"}, "Give the address of another with --url."),
        ({"name": "../cl"}, "'../cl' cannot be the name of an ontology"),
        ({"name": "cl", "release": "a/b"}, "'cl' with the release 'a/b' cannot be the name of an ontology"),
        ({"name": "cl@1", "release": "2"}, "cl@1 names one release and --release 2 another"),
        ({"name": "x", "url": "example.org/x.obo"}, "url must be the address of a file, such as https://example.org/"),
        ({"name": "x", "url": "https://example.org/x.obo?y=1"}, "without '?' and '#'"),
        ({"name": "cl", "sha256": "abc"}, "sha256 must be 64 hexadecimal digits, but it is 'abc'."),
    ],
)
def test_what_cannot_be_asked(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        FetchOptions(**given)
    assert sentence in str(caught.value)


def test_addresses_are_permanent_and_encrypted() -> None:
    assert FetchOptions("cl-basic", NEW).addresses == (
        f"https://purl.obolibrary.org/obo/cl/releases/{NEW}/cl-basic.obo",
        f"https://github.com/obophenotype/cell-ontology/releases/download/v{NEW}/cl-basic.obo",
    )
    assert FetchOptions("cl").addresses[0] == "https://purl.obolibrary.org/obo/cl.obo"
    assert FetchOptions("cl-basic").addresses[0] == "https://purl.obolibrary.org/obo/cl/cl-basic.obo"
    assert FetchOptions("efo@v3.62.0").addresses == (
        "https://github.com/EBISPOT/efo/releases/download/v3.62.0/efo.obo",
    )
    for name, known in KNOWN.items():
        for release in ("", NEW):
            urls = known.addresses(release)
            assert urls
            assert all(url.startswith("https://") and url.endswith(f"{name}.obo") for url in urls)
            assert all((release in url) or not release for url in urls)


def test_releases_are_ordered_as_numbers(server: Gallery) -> None:
    for release in ("3.9.0", "3.62.0", "3.10.1"):
        server.objects["efo.obo"] = obo(NEW).replace(f"cl/releases/{NEW}/cl-basic.owl".encode(), release.encode())
        assert run("efo", url=address(server, "efo.obo")).record["release"] == release
    assert [each.release for each in kept_ontologies()] == ["3.9.0", "3.10.1", "3.62.0"]
    assert find_ontology("efo").name == "efo@3.62.0.obo"
    with pytest.raises(InputError, match=r"^The ontology efo@4 is not kept, but 'efo@3\.9\.0', .* is; fetch it with"):
        find_ontology("efo@4")
