"""Fetching from a server that drops, cuts, lies and changes its mind: a file is right under its name, or not there."""

import errno
import gzip
import hashlib
import json
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.cpjump import BATCH, SUFFIX, write_simulated
from fastbench.engine.cpjump.fetch.fetch import FetchOptions, fetch, survey
from fastbench.engine.cpjump.fetch.gallery import Bucket, Patience, address_of
from fastbench.engine.cpjump.plates.files import plate_files
from fastbench.engine.cpjump.plates.metadata import Plate
from fastbench.engine.errors import InputError

from ....examples import FEW
from .gallery import FOLDER, PLATES, key_of, packed, served

ONE, TWO = PLATES[:2]
SOON = Patience(retries=3, first_wait=0.001, longest_wait=0.01, silence=5)
AT_ONCE = Patience(retries=0, first_wait=0.001, longest_wait=0.01, silence=5)


@pytest.fixture(scope="module", autouse=True)
def _no_last_wait():
    """The interpreter goes on after these downloads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastbench.engine.downloads.several._LAST_WAIT", 0)
        yield


@pytest.fixture
def gallery():
    with served() as running:
        yield running


def options(gallery, folder, **more):
    return FetchOptions(**{"output": folder, "plates": PLATES, "endpoint": gallery.endpoint, "patience": SOON, **more})


def run(gallery, folder, **more):
    chosen = options(gallery, folder, **more)
    return fetch(chosen, survey(chosen))


def file_of(folder, plate, suffix=SUFFIX):
    return folder / BATCH / plate / f"{plate}{suffix}"


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def record(folder):
    content = json.loads((folder / "fetch.json").read_text())
    return {entry["plate"]: entry for entry in content["files"]}


def is_right(gallery, folder, *plates):
    for plate in plates:
        body = gallery.objects[key_of(plate)]
        assert file_of(folder, plate).read_bytes() == body
        assert record(folder)[plate]["sha256"] == hashlib.sha256(body).hexdigest()
        assert record(folder)[plate]["size"] == len(body)
        assert record(folder)[plate]["etag"] == gallery.etag(key_of(plate))


def test_files_are_fetched_and_recorded(gallery, tmp_path):
    seen = []
    chosen = options(gallery, tmp_path / "new" / "folder")
    done = fetch(chosen, survey(chosen), lambda here, total: seen.append((here, total)))
    assert (done.fetched, done.failed) == (PLATES, {})
    is_right(gallery, chosen.output, *PLATES)
    assert names(chosen.output) == sorted(["fetch.json", *(plate + SUFFIX for plate in PLATES)])
    total = sum(len(gallery.objects[key_of(plate)]) for plate in PLATES)
    assert seen[-1] == (total, total)
    content = json.loads((chosen.output / "fetch.json").read_text())
    assert content["licence"].startswith("CC0 1.0")
    assert "10.1038/s41592-024-02241-6" in content["cite"][0]
    entry = content["files"][0]
    assert entry["key"] == key_of(ONE) == f"{FOLDER}/{ONE}/{ONE}{SUFFIX}"
    assert entry["url"] == f"{gallery.endpoint}/cellpainting-gallery/{key_of(ONE)}"
    assert entry["checked"] == "size, MD5, gzip"
    assert entry["path"] == f"{BATCH}/{ONE}/{ONE}{SUFFIX}"


def test_a_survey_writes_nothing(gallery, tmp_path):
    items = survey(options(gallery, tmp_path / "out"))
    assert [item.state for item in items] == ["fetch"] * 4
    assert [item.size for item in items] == [len(gallery.objects[key_of(plate)]) for plate in PLATES]
    assert not (tmp_path / "out").exists()
    assert {request[0] for request in gallery.requests} == {"LIST"}


@pytest.mark.slow
def test_the_forty_plates_of_the_benchmark_are_the_default(gallery, tmp_path):
    items = survey(options(gallery, tmp_path, plates=None))
    assert len(items) == len({item.plate for item in items}) == 40
    assert {item.plate for item in items if item.published} <= set(PLATES)
    assert all(item.why for item in items if item.state == "absent")


@pytest.mark.slow
def test_the_benchmark_finds_what_was_fetched(gallery, tmp_path):
    plate = Plate(ONE, "compound", "A549", "short", 24)
    (path,) = write_simulated(tmp_path / "made", n_features=3, plates=[plate])
    gallery.objects[key_of(ONE)] = path.read_bytes()
    run(gallery, tmp_path / "out", plates=(ONE,))
    (found,) = plate_files(tmp_path / "out", BATCH, ONE, SUFFIX)
    assert found.read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_long_listings_come_in_pages(gallery, tmp_path):
    gallery.page = 1
    run(gallery, tmp_path)
    is_right(gallery, tmp_path, *PLATES)
    assert [span for method, _, span, _ in gallery.requests if method == "LIST"].count("2") == len(PLATES)


@pytest.mark.slow
@pytest.mark.parametrize("connections", [1, 4])
def test_every_third_connection_is_dropped(gallery, tmp_path, connections):
    gallery.every_third_cut = True
    assert run(gallery, tmp_path, connections=connections).failed == {}
    is_right(gallery, tmp_path, *PLATES)


@pytest.mark.parametrize("patience", [SOON, AT_ONCE])
def test_a_broken_body_is_taken_up_where_it_broke(gallery, tmp_path, patience):
    gallery.faults[key_of(ONE)] = [("cut", 0.5), ("cut", 0.5)]
    run(gallery, tmp_path, plates=(ONE,), patience=patience)
    is_right(gallery, tmp_path, ONE)
    whole, *later = gallery.sent(key_of(ONE))
    assert whole is None
    starts = [int(span.removeprefix("bytes=").partition("-")[0]) for span in later]
    assert 0 < starts[0] < starts[1]


@pytest.mark.slow
def test_a_connection_that_breaks_for_ever_leaves_a_part_to_go_on_with(gallery, tmp_path):
    size = len(gallery.objects[key_of(ONE)])
    gallery.faults[key_of(ONE)] = [("cut", 0.7)]
    gallery.always[key_of(ONE)] = ("cut", 0.0)
    done = run(gallery, tmp_path, patience=AT_ONCE)
    assert list(done.failed) == [ONE]
    assert done.fetched == PLATES[1:]
    (part,) = file_of(tmp_path, ONE).parent.iterdir()
    assert part.name.startswith(f"{ONE}{SUFFIX}.")
    assert part.name.endswith(".part")
    assert plate_files(tmp_path, BATCH, ONE, SUFFIX) == []
    kept = part.stat().st_size
    assert 0.4 * size < kept < 0.8 * size

    gallery.always.clear()
    gallery.requests.clear()
    (item, *others) = survey(options(gallery, tmp_path))
    assert (item.state, item.bytes_here) == ("resume", kept)
    assert {other.state for other in others} == {"here"}
    assert run(gallery, tmp_path).fetched == (ONE,)
    is_right(gallery, tmp_path, *PLATES)
    assert gallery.sent(key_of(ONE)) == [f"bytes={kept}-"]
    assert gallery.sent(key_of(TWO)) == []


@pytest.mark.slow
def test_a_server_that_sends_whole_files_only(gallery, tmp_path):
    gallery.ranges = False
    gallery.faults[key_of(ONE)] = [("cut", 0.5)]
    run(gallery, tmp_path)
    is_right(gallery, tmp_path, *PLATES)


@pytest.mark.slow
@pytest.mark.parametrize("ranges", [True, False])
def test_bodies_that_are_too_short_and_say_so(gallery, tmp_path, ranges):
    gallery.ranges = ranges
    gallery.faults[key_of(ONE)] = [("short",)]
    run(gallery, tmp_path)
    is_right(gallery, tmp_path, *PLATES)


def test_a_wrong_body_is_asked_for_again(gallery, tmp_path):
    gallery.faults[key_of(ONE)] = [("flip",)]
    run(gallery, tmp_path)
    is_right(gallery, tmp_path, *PLATES)
    assert gallery.sent(key_of(ONE)) == [None, None]


@pytest.mark.slow
def test_a_body_that_stays_wrong_never_gets_its_name(gallery, tmp_path):
    gallery.always[key_of(ONE)] = ("flip",)
    done = run(gallery, tmp_path)
    assert done.fetched == PLATES[1:]
    assert "MD5" in done.failed[ONE]
    assert list(file_of(tmp_path, ONE).parent.iterdir()) == []
    assert ONE not in record(tmp_path)


@pytest.mark.slow
def test_a_published_file_that_is_no_gzip_file(gallery, tmp_path):
    gallery.objects[key_of(ONE)] = packed(ONE)[:-3]
    gallery.objects[key_of(TWO)] = b""
    done = run(gallery, tmp_path)
    assert set(done.failed) == {ONE, TWO}
    assert all("decompressed" in why for why in done.failed.values())
    assert not file_of(tmp_path, ONE).exists()


@pytest.mark.slow
def test_an_object_of_several_parts_is_checked_by_its_compression(gallery, tmp_path):
    gallery.etags = {key_of(plate): f'"{"0123456789abcdef" * 2}-3"' for plate in PLATES}
    gallery.always[key_of(TWO)] = ("flip",)
    done = run(gallery, tmp_path)
    is_right(gallery, tmp_path, ONE)
    assert record(tmp_path)[ONE]["checked"] == "size, gzip"
    assert "decompressed" in done.failed[TWO]


@pytest.mark.slow
def test_a_server_without_etags(gallery, tmp_path):
    gallery.tells_etags = False
    gallery.faults[key_of(ONE)] = [("cut", 0.5)]
    run(gallery, tmp_path, patience=AT_ONCE)
    assert file_of(tmp_path, ONE).read_bytes() == gallery.objects[key_of(ONE)]
    assert gallery.sent(key_of(ONE)) == [None, None]  # nothing says that two parts belong together
    assert {item.state for item in survey(options(gallery, tmp_path))} == {"here"}


@pytest.mark.slow
@pytest.mark.parametrize("conditions", [True, False])
@pytest.mark.parametrize("patience", [SOON, AT_ONCE])
@pytest.mark.parametrize("size", [1_000_000, 1_300_000])
def test_an_object_that_changes_meanwhile_is_not_glued(gallery, tmp_path, conditions, patience, size):
    new = packed("new", size)

    def change(key):
        gallery.objects[key_of(ONE)] = new

    gallery.conditions = conditions
    gallery.faults[key_of(ONE)] = [("cut", 0.6)]
    gallery.after = change
    assert run(gallery, tmp_path, plates=(ONE,), patience=patience).failed == {}
    is_right(gallery, tmp_path, ONE)
    assert names(tmp_path) == sorted(["fetch.json", ONE + SUFFIX])


@pytest.mark.slow
def test_an_object_that_changed_between_two_runs_is_not_glued(gallery, tmp_path):
    gallery.faults[key_of(ONE)] = [("cut", 0.6)]
    gallery.always[key_of(ONE)] = 500
    assert list(run(gallery, tmp_path, plates=(ONE,), patience=AT_ONCE).failed) == [ONE]
    gallery.always.clear()
    gallery.requests.clear()
    gallery.objects[key_of(ONE)] = packed("new")
    run(gallery, tmp_path, plates=(ONE,))
    is_right(gallery, tmp_path, ONE)
    assert gallery.sent(key_of(ONE)) == [None]
    assert names(tmp_path) == sorted(["fetch.json", ONE + SUFFIX])


@pytest.mark.slow
@pytest.mark.parametrize(("status", "words"), [(404, "404"), (403, "403"), (401, "401"), (500, "500"), (503, "503")])
def test_what_the_server_refuses_is_named_and_the_others_go_on(gallery, tmp_path, status, words):
    gallery.always[key_of(TWO)] = status
    done = run(gallery, tmp_path)
    assert list(done.failed) == [TWO]
    assert words in done.failed[TWO]
    assert "\n" not in done.failed[TWO]
    is_right(gallery, tmp_path, ONE, *PLATES[2:])
    assert not file_of(tmp_path, TWO).exists()


@pytest.mark.slow
def test_errors_of_the_server_pass(gallery, tmp_path):
    gallery.faults[key_of(ONE)] = [500, 503, 500]
    run(gallery, tmp_path)
    is_right(gallery, tmp_path, *PLATES)


def test_a_plate_without_such_a_file_is_named(gallery, tmp_path):
    del gallery.objects[key_of(TWO)]
    done = run(gallery, tmp_path)
    assert done.failed == {TWO: "no such file is published"}
    is_right(gallery, tmp_path, ONE, *PLATES[2:])


@pytest.mark.slow
def test_other_suffixes(gallery, tmp_path):
    for plate in PLATES:
        gallery.objects[key_of(plate, "_x.csv")] = plate.encode()
    run(gallery, tmp_path, suffix="_x.csv")
    run(gallery, tmp_path)
    assert file_of(tmp_path, ONE, "_x.csv").read_text() == ONE
    content = json.loads((tmp_path / "fetch.json").read_text())
    assert [entry["checked"] for entry in content["files"][:2]] == ["size, MD5, gzip", "size, MD5"]
    with pytest.raises(InputError, match=r"ends in '_normalised.csv.gz'.*did you mean '_normalized.csv.gz'"):
        survey(options(gallery, tmp_path, suffix="_normalised.csv.gz"))


@pytest.mark.slow
def test_files_that_are_here_are_not_fetched_again(gallery, tmp_path):
    run(gallery, tmp_path)
    before = (tmp_path / "fetch.json").read_bytes()
    for verify in (False, True):
        gallery.requests.clear()
        done = run(gallery, tmp_path, verify=verify)
        assert (done.fetched, done.failed) == ((), {})
        assert {request[0] for request in gallery.requests} == {"LIST"}
        assert (tmp_path / "fetch.json").read_bytes() == before


@pytest.mark.slow
def test_files_that_were_lost_or_cut_are_fetched_again(gallery, tmp_path):
    run(gallery, tmp_path)
    file_of(tmp_path, ONE).unlink()
    file_of(tmp_path, TWO).write_bytes(packed(TWO)[:-1])
    assert run(gallery, tmp_path).fetched == (ONE, TWO)
    is_right(gallery, tmp_path, *PLATES)


@pytest.mark.slow
def test_a_changed_byte_is_found_with_verify(gallery, tmp_path):
    run(gallery, tmp_path)
    body = bytearray(packed(ONE))
    body[5000] ^= 1
    file_of(tmp_path, ONE).write_bytes(body)
    assert survey(options(gallery, tmp_path))[0].state == "here"
    item = survey(options(gallery, tmp_path, verify=True))[0]
    assert (item.state, "MD5" in item.why) == ("replace", True)
    gallery.always[key_of(ONE)] = 403
    assert list(run(gallery, tmp_path, verify=True).failed) == [ONE]
    assert not file_of(tmp_path, ONE).exists()  # it was wrong, and is gone though the right one cannot be had
    gallery.always.clear()
    assert run(gallery, tmp_path).fetched == (ONE,)
    is_right(gallery, tmp_path, *PLATES)


@pytest.mark.slow
def test_verify_compares_with_the_record_where_no_md5_is_told(gallery, tmp_path):
    gallery.etags = {key_of(ONE): '"0123-3"'}
    run(gallery, tmp_path, plates=(ONE,))
    body = gallery.objects[key_of(ONE)]
    changed = body[:4] + b"\x07" + body[5:]  # the time in the header: it decompresses all the same
    assert gzip.decompress(changed) == gzip.decompress(body)
    file_of(tmp_path, ONE).write_bytes(changed)
    (item,) = survey(options(gallery, tmp_path, plates=(ONE,), verify=True))
    assert (item.state, "SHA-256" in item.why) == ("replace", True)


@pytest.mark.slow
def test_a_newer_published_file_replaces_the_older_one(gallery, tmp_path):
    run(gallery, tmp_path)
    old = gallery.objects[key_of(ONE)]
    gallery.objects[key_of(ONE)] = packed("new")
    gallery.always[key_of(ONE)] = 403
    assert survey(options(gallery, tmp_path))[0].state == "renew"
    assert list(run(gallery, tmp_path).failed) == [ONE]
    assert file_of(tmp_path, ONE).read_bytes() == old  # right when it was fetched
    gallery.always.clear()
    assert run(gallery, tmp_path).fetched == (ONE,)
    is_right(gallery, tmp_path, *PLATES)


@pytest.mark.slow
def test_files_of_another_origin(gallery, tmp_path):
    right, wrong = file_of(tmp_path, ONE), file_of(tmp_path, TWO)
    for path, body in ((right, packed(ONE)), (wrong, b"mine")):
        path.parent.mkdir(parents=True)
        path.write_bytes(body)
    with pytest.raises(InputError, match=rf"did not fetch \('{wrong}'\).*--overwrite"):
        run(gallery, tmp_path)
    assert wrong.read_bytes() == b"mine"
    assert run(gallery, tmp_path, overwrite=True).fetched == PLATES[1:]
    is_right(gallery, tmp_path, *PLATES)
    assert gallery.sent(key_of(ONE)) == []


@pytest.mark.slow
def test_profiles_in_the_other_layout_would_be_read_twice(gallery, tmp_path):
    (tmp_path / ONE).mkdir()
    (tmp_path / ONE / f"{ONE}{SUFFIX}").write_bytes(packed(ONE))
    with pytest.raises(InputError, match=f"Plate {ONE} has profiles at"):
        run(gallery, tmp_path)


@pytest.mark.slow
def test_a_full_disk_ends_the_run_and_leaves_no_wrong_file(gallery, tmp_path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    chosen = options(gallery, tmp_path)
    items = survey(chosen)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        with pytest.raises(InputError, match="no room left on the disk"):
            fetch(chosen, items)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert all(name.endswith(".part") or name == "fetch.json" for name in names(tmp_path))
    run(gallery, tmp_path)
    is_right(gallery, tmp_path, *PLATES)


def test_a_disk_that_is_too_small_is_told_before(gallery, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(InputError, match=r"need 4,.* more bytes, and the disk of .* has 1,000 left"):
        run(gallery, tmp_path)
    assert names(tmp_path) == []


@pytest.mark.slow
def test_two_runs_into_one_folder(gallery, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(InputError, match="Another run is fetching"):
            run(gallery, tmp_path)
    finally:
        os.close(handle)
    assert run(gallery, tmp_path).failed == {}


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"files": [{"path": "a"}]}', b'{"files": 3}'])
def test_a_record_of_something_else(gallery, tmp_path, content):
    (tmp_path / "fetch.json").write_bytes(content)
    with pytest.raises(InputError, match=r"The record '.*fetch.json' was not written by fastbench"):
        run(gallery, tmp_path)


@pytest.mark.slow
def test_an_output_that_is_a_file(gallery, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="is a file"):
        run(gallery, tmp_path / "out")


@pytest.mark.parametrize(("status", "words"), [(403, "403 Forbidden"), (404, "404"), (500, "500")])
def test_a_listing_that_cannot_be_had(gallery, tmp_path, status, words):
    gallery.list_status = status
    with pytest.raises(InputError, match=rf"{gallery.endpoint}/cellpainting-gallery cannot be listed: .*{words}"):
        survey(options(gallery, tmp_path))


def test_a_server_that_is_not_there(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(
            InputError, match=f"at {endpoint}/cellpainting-gallery cannot be listed: the connection failed"
        ):
            survey(FetchOptions(tmp_path, (ONE,), endpoint=endpoint, patience=SOON))


@pytest.mark.slow
def test_settings_of_other_buckets_are_not_followed(gallery, tmp_path, monkeypatch):
    for name, value in (
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_BUCKET", "other"),
        ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true"),
        ("AWS_SKIP_SIGNATURE", "false"),
    ):
        monkeypatch.setenv(name, value)
    run(gallery, tmp_path, endpoint=gallery.endpoint + "/")  # the server refuses signed requests
    is_right(gallery, tmp_path, *PLATES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"plates": ("BR99999999", ONE)}, "no plate 'BR99999999'"),
        ({"plates": ("br00116991",)}, f"did you mean '{ONE}'"),
        ({"plates": ()}, "no plate of no name"),
        ({"suffix": ""}, "No file can end in ''"),
        ({"suffix": "/../x"}, "No file can end in"),
        ({"connections": 0}, "connections is 0"),
        ({"endpoint": "minio.example.org"}, "'minio.example.org' is not an address"),
        ({"endpoint": "ftp://minio.example.org"}, "is not an address"),
    ],
)
def test_options_are_checked(tmp_path, change, words):
    with pytest.raises(InputError, match=words):
        survey(FetchOptions(**{"output": tmp_path, "plates": (ONE,), **change}))


def test_plates_outside_the_benchmark_can_be_asked_for(tmp_path):
    assert FetchOptions(tmp_path, (ONE, "BR00118041", ONE)).plates == (ONE, "BR00118041")


def test_addresses():
    assert address_of(None) == "https://cellpainting-gallery.s3.amazonaws.com"
    assert address_of("https://minio.example.org/s3/") == "https://minio.example.org/s3/cellpainting-gallery"
    assert Bucket().address == address_of(None)


def test_without_its_package(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "obstore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(InputError, match="pip install obstore"):
        survey(FetchOptions(tmp_path, (ONE,)))


FAULT = st.one_of(
    st.sampled_from([500, 503, 404, 403, ("flip",), ("short",), ("change",)]),
    st.tuples(st.just("cut"), st.floats(0, 0.99)),
)


@pytest.mark.slow
@FEW
@given(
    faults=st.lists(FAULT, max_size=8),
    ranges=st.booleans(),
    conditions=st.booleans(),
    parts=st.booleans(),
    patience=st.sampled_from([Patience(1, 0.001, 0.01, 5), AT_ONCE]),
    size=st.sampled_from([1000, 600_000]),
)
def test_whatever_goes_wrong_a_file_is_right_or_not_there(
    tmp_path_factory, faults, ranges, conditions, parts, patience, size
):
    folder = Path(tmp_path_factory.mktemp("out"))
    key, versions = key_of(ONE), [packed(0, size)]
    with served() as gallery:
        gallery.ranges, gallery.conditions = ranges, conditions

        def publish():
            gallery.objects[key] = versions[-1]
            if parts:
                gallery.etags[key] = f'"{hashlib.sha1(versions[-1]).hexdigest()}-2"'

        def after(asked):
            while gallery.faults[key] and gallery.faults[key][0] == ("change",):
                gallery.faults[key].pop(0)
                versions.append(packed(len(versions), size))
                publish()

        publish()
        gallery.after = after
        gallery.faults[key] = [404, *faults]  # a request before the first change
        for _ in range(14):
            done = run(gallery, folder, plates=(ONE,), patience=patience)
            path = file_of(folder, ONE)
            if not done.failed:
                break
            assert not path.exists()
        assert path.read_bytes() in versions
        entry = record(folder)[ONE]
        assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        if not gallery.faults[key]:
            assert run(gallery, folder, plates=(ONE,), patience=patience).failed == {}
            is_right(gallery, folder, ONE)


def test_files_cannot_be_written(gallery, tmp_path, monkeypatch):
    def refuse(self, *arguments, **keywords):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match="no permission"):
        run(gallery, tmp_path / "out")
