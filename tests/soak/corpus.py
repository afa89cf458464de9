"""Small files of every kind that fastbench reads, and the command that reads each. Run as a script, it writes them.

python -m tests.soak.corpus FOLDER
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import shutil
import sys
from collections.abc import Callable, Collection
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

RULES = ["--pos-sameby", "Metadata_c", "--neg-diffby", "Metadata_c", "--device", "reference"]
CPJUMP = ["cpjump", "--cells", "A549", "--timelines", "short", "--tasks", "replicability", "--device", "reference"]
FAST = ["--null-size", "100", "--limit-plates", "2"]
EMBEDDED = [*CPJUMP, *FAST, "--features", "emb", "--embeddings"]


class Case(NamedTuple):
    """A kind of input.

    Attributes
    ----------
    files : str
        What of the corpus is mutated: a file, or a folder one of whose files is.
    command : list of str
        The command that reads it: ``@x`` is the file x of the (mutated) corpus, ``OUTPUT`` where the result goes.
    """

    files: str
    command: list[str]


def _map(name: str, *more: str) -> Case:
    return Case(name, ["map", f"@{name}", *RULES, *more, "--output", "OUTPUT"])


def _annotation(name: str, truth: str = "truth.csv:ct", pred: str = "m=calls.csv:ct", *more: str) -> Case:
    pred = pred.replace("m=", "m=@")
    return Case(name, ["fmeasure", "--truth", f"@{truth}", "--pred", pred, *more, "--output-dir", "OUTPUT"])


def _embed(files: str, embedding: str, *more: str, tasks: str = "embedding,batch_integration") -> Case:
    named = ["--labels", "Metadata_c", "--batch", "Metadata_Plate", "--tasks", tasks]
    few = ["--anchors", "none", "--bootstrap", "20", "--null-size", "20", "--device", "reference"]
    return Case(files, ["embed", embedding, *named, *few, *more, "--output", "OUTPUT"])


def _known(files: str) -> Case:
    return _embed(files, "@cells.npy", *LABELLED, "--relations", f"@{files}", tasks="known_relations")


def _before(files: str, part: str, kind: str) -> Case:
    """Cells before integration, of another file than the embedding."""
    return _embed(files, "@p.csv", "--unintegrated", f"@{files}@{part}", "--unintegrated-as", kind)


LABELLED = ["--metadata", "@cells.csv"]
#: Cells of a table, joined by their names.
JOINED = ["--metadata", "@cells.csv", "--key", "cell"]

CASES = {
    "csv": _map("p.csv"),
    "csv.gz": _map("p.csv.gz"),
    "tsv": _map("p.tsv"),
    "parquet": _map("p.parquet"),
    "arrow": _map("p.arrow"),
    "stream": _map("stream.arrow"),
    "h5ad": _map("p.h5ad"),
    "sparse.h5ad": _map("sparse.h5ad"),
    "zarr2": _map("two.zarr"),
    "zarr3": _map("three.zarr"),
    "shards": _map("shards.zarr"),
    "filled": _map("three.zarr", "--zarr-fill"),
    "embed csv": _embed("p.csv", "@p.csv"),
    "embed h5ad": _embed("cells.h5ad", "@cells.h5ad@obsm:X_e"),
    "embed zarr": _embed("cells.zarr", "@cells.zarr@obsm:X_e"),
    "embed npy": _embed("cells.npy", "@cells.npy", *LABELLED),
    "embed npz": _embed("cells.npz", "@cells.npz", *LABELLED),
    "embed parquet": _embed("cells.parquet", "@cells.parquet"),
    "embed metadata": _embed("cells.csv", "@cells.npy", *LABELLED),
    "embed key": _embed("cells.csv", "@keyed.parquet", *JOINED),
    "embed relations": _known("relations.csv"),
    "embed clusters": _known("known_clusters.tsv"),
    "embed counts h5ad": _before("cells.h5ad", "layer:counts", "counts"),
    "embed counts zarr": _before("cells.zarr", "layer:counts", "counts"),
    "embed before h5ad": _before("cells.h5ad", "obsm:X_e", "vectors"),
    "truth": _annotation("truth.csv"),
    "calls": _annotation("calls.csv"),
    "calls.h5ad": _annotation("calls.h5ad", pred="m=calls.h5ad:ct"),
    "calls.zarr": _annotation("calls.zarr", pred="m=calls.zarr:ct"),
    "calls.parquet": _annotation("calls.parquet", pred="m=calls.parquet:ct"),
    "crosswalk": _annotation("crosswalk.csv", "truth.csv:ct", "m=calls.csv:ct", "--map", "@crosswalk.csv"),
    "obo": _annotation("o.obo", "id_truth.csv:ct", "m=id_calls.csv:ct", "--ontology", "@o.obo", "--unknown", "drop"),
    "graph": _annotation(
        "o.json", "id_truth.csv:ct", "m=id_calls.csv:ct", "--ontology", "@o.json", "--unknown", "drop"
    ),
    "annotate dirs": Case(
        "dirs",
        [
            "fmeasure",
            "--annotate-dirs",
            "@dirs/annotate",
            "--gt-label",
            "cell_type_ontology_term_id",
            "--inferred-label",
            "cas_cell_type_name_1",
            "--output-dir",
            "OUTPUT",
        ],
    ),
    "cellclip": Case("plates", [*EMBEDDED, "@plates", "--output", "OUTPUT"]),
    "npy": Case("e.npy", [*EMBEDDED, "@e.npy", "--embedding-keys", "@keys.csv", "--output", "OUTPUT"]),
    "npz": Case("e.npz", [*EMBEDDED, "@e.npz", "--embedding-keys", "@keys.csv", "--output", "OUTPUT"]),
    "keys": Case("keys.csv", [*EMBEDDED, "@e.npy", "--embedding-keys", "@keys.csv", "--output", "OUTPUT"]),
    "correction": Case(
        "correction.npz",
        [*CPJUMP, *FAST, "--preset", "cellclip", "--load-correction", "@correction.npz", "--output", "OUTPUT"],
    ),
    "split": Case("split.csv", ["cpjump", "split", "--manifest", "@split.csv"]),
    "record": Case("split.json", ["cpjump", "split", "--manifest", "@split.csv"]),
    "config": Case("config.yaml", ["map", "@p.csv", "--config", "@config.yaml", "--output", "OUTPUT"]),
    "manifest": Case("a", ["map", "--config", "@a", "--output", "OUTPUT"]),
    "compare": Case("a", ["compare", "@a", "@b", "--output", "OUTPUT"]),
    "rerun": Case("a", ["rerun", "@a", "--output", "OUTPUT"]),
    "compare fmeasure": Case("fa", ["compare", "x=@fa", "y=@fb", "--output", "OUTPUT"]),
    "compare cpjump": Case("ja", ["compare", "x=@ja", "y=@jb", "--output", "OUTPUT"]),
    "bench": Case("bench.json", ["BENCH", "@bench.json"]),
    "azimuth": Case(
        "azimuth.csv",
        [
            "fmeasure",
            "azimuth",
            "--azimuth-csv",
            "@azimuth.csv",
            "--h5ad",
            "@calls.h5ad",
            "--azimuth-ref-name",
            "pbmc",
            "--crosswalk-csv",
            "@ids.csv",
            "--crosswalk-azimuth-col",
            "label",
            "--crosswalk-cl-id-col",
            "id",
            "--output-dir",
            "OUTPUT",
        ],
    ),
}

#: Results by their names in the corpus.
RESULTS = {
    ("a", "b"): ["map", "@p.csv", *RULES, "--output", "OUTPUT"],
    ("fa", "fb"): ["fmeasure", "--truth", "@truth.csv:ct", "--pred", "m=@calls.csv:ct", "--output-dir", "OUTPUT"],
    ("ja", "jb"): [*CPJUMP, "--null-size", "100", "--limit-plates", "4", "--output", "OUTPUT"],
}


def write(folder: Path, only: Collection[str] = tuple(CASES)) -> None:
    """Write the corpus of some kinds; nothing of it is larger than some hundred kilobytes."""
    words = {word for name in only for word in (*CASES[name].command, f"@{CASES[name].files}")}
    used = {file_of(word) for word in words}
    _profiles(folder)
    _annotations(folder)
    (folder / "config.yaml").write_text(
        "pos_sameby: Metadata_c\nneg_diffby: Metadata_c\nnull_size: 1000\ndevice: reference\n"
    )
    (folder / "bench.json").write_text(json.dumps(_benchmarks()))
    if "cpjump" in words:
        _plates(folder)
    for pair in RESULTS:
        if used & set(pair):
            _results(folder, pair)


def _profiles(folder: Path) -> None:
    import anndata
    import numpy as np
    import pandas as pd
    import polars as pl
    import scipy.sparse
    import zarr

    rng = np.random.default_rng(0)
    n, d = 40, 6
    group = np.repeat(np.arange(10), 4)
    x = (rng.normal(size=(10, d))[group] + rng.normal(size=(n, d))).astype("f4")
    meta = {
        "Metadata_Plate": [f"p{i % 2}" for i in range(n)],
        "Metadata_c": [f"c{i}" for i in group],
        "Metadata_dose": [float(i % 3) for i in range(n)],
    }
    frame = pl.DataFrame(meta | {f"f{k}": x[:, k] for k in range(d)})
    frame.write_csv(folder / "p.csv")
    (folder / "p.csv.gz").write_bytes(gzip.compress((folder / "p.csv").read_bytes(), mtime=0))
    frame.write_csv(folder / "p.tsv", separator="\t")
    frame.write_parquet(folder / "p.parquet")
    frame.write_ipc(folder / "p.arrow")
    frame.write_ipc_stream(folder / "stream.arrow")
    obs = pd.DataFrame(meta, index=[f"w{i}" for i in range(n)])
    obs["text"] = pd.Series([f"text {i}" for i in range(n)], index=obs.index).astype(object)
    obs["flag"] = group % 2 == 0
    obs["Metadata_c"] = obs["Metadata_c"].astype("category")
    dense, sparse = anndata.AnnData(x, obs=obs), anndata.AnnData(scipy.sparse.csr_matrix(np.maximum(x, 0)), obs=obs)
    dense.write_h5ad(folder / "p.h5ad")
    sparse.write_h5ad(folder / "sparse.h5ad")
    for name, version in (("two", 2), ("three", 3), ("shards", 3)):
        with anndata.settings.override(zarr_write_format=version):
            dense.write_zarr(folder / f"{name}.zarr")
    store = zarr.open_group(str(folder / "shards.zarr"), mode="a")
    attributes = dict(store["X"].attrs)
    del store["X"]
    store.create_array("X", data=x, chunks=(10, 3), shards=(20, 6)).attrs.update(attributes)
    zarr.consolidate_metadata(str(folder / "shards.zarr"))
    _cells(folder, obs[["Metadata_Plate", "Metadata_c"]].astype(str), x)


def _cells(folder: Path, obs: pd.DataFrame, x: npt.NDArray[np.float32]) -> None:
    """Write cells with an embedding and counts, what bare arrays lack, and known relations of labels."""
    import anndata
    import numpy as np
    import polars as pl
    import scipy.sparse

    rng = np.random.default_rng(4)
    counts = scipy.sparse.csr_matrix(rng.poisson(2.0, size=(len(obs), 30)).astype("f4"))
    cells = anndata.AnnData(counts, obs=obs, obsm={"X_e": x}, layers={"counts": counts})
    cells.write_h5ad(folder / "cells.h5ad")
    with anndata.settings.override(zarr_write_format=3):
        cells.write_zarr(folder / "cells.zarr")
    np.save(folder / "cells.npy", x)
    np.savez_compressed(folder / "cells.npz", embeddings=x)
    named = {"cell": obs.index.tolist()} | {name: obs[name].tolist() for name in obs}
    pl.DataFrame(named).write_csv(folder / "cells.csv")
    vectors = pl.Series("vector", x, dtype=pl.Array(pl.Float32, x.shape[1]))
    pl.DataFrame(named).with_columns(vectors).write_parquet(folder / "cells.parquet")
    pl.DataFrame({"cell": named["cell"], "vector": vectors}).write_parquet(folder / "keyed.parquet")
    labels = sorted(set(named["Metadata_c"]))
    pairs = "".join(f"{one},{other}\n" for one, other in pairwise(labels))
    (folder / "relations.csv").write_text(f"entity1,entity2\n{pairs}")
    (folder / "known_clusters.tsv").write_text(f"one\t{' '.join(labels[:4])}\ntwo\t{' '.join(labels[3:8])}\n")


def _annotations(folder: Path) -> None:
    import anndata
    import numpy as np
    import pandas as pd
    import polars as pl

    from fastbench.engine.fmeasure.example import write_example

    rng = np.random.default_rng(1)
    n = 40
    names = ["T cell", "B cell", "NK cell", "monocyte"]
    ids = [f"CL:000000{i}" for i in range(1, 5)]
    truth, calls = rng.integers(0, 4, n), rng.integers(0, 4, n)
    calls[::2] = truth[::2]
    cells = [f"cell{i}" for i in range(n)]
    for prefix, labels in (("", names), ("id_", ids)):
        for name, codes in (("truth", truth), ("calls", calls)):
            table = pl.DataFrame({"cell": cells, "ct": [labels[i] for i in codes], "score": rng.random(n)})
            table.write_csv(folder / f"{prefix}{name}.csv")
    called = pd.DataFrame({"ct": pd.Categorical([names[i] for i in calls])}, index=cells)
    anndata.AnnData(obs=called).write_h5ad(folder / "calls.h5ad")
    anndata.AnnData(obs=called).write_zarr(folder / "calls.zarr")
    called.to_parquet(folder / "calls.parquet")
    (folder / "crosswalk.csv").write_text(
        "label,id\n" + "".join(f"{a},{b}\n" for a, b in zip(names, names, strict=True))
    )
    (folder / "ids.csv").write_text("label,id\n" + "".join(f"{a},{b}\n" for a, b in zip(names, ids, strict=True)))
    terms = "".join(
        f"\n[Term]\nid: {i}\nname: {name}\n" + ("" if i == ids[0] else f"is_a: {ids[0]} ! x\n")
        for i, name in zip(ids, names, strict=True)
    )
    (folder / "o.obo").write_text(f"format-version: 1.2\n{terms}")
    iri = "http://purl.obolibrary.org/obo/"
    nodes = [
        {"id": iri + i.replace(":", "_"), "lbl": name, "type": "CLASS"} for i, name in zip(ids, names, strict=True)
    ]
    edges = [{"sub": node["id"], "pred": "is_a", "obj": nodes[0]["id"]} for node in nodes[1:]]
    (folder / "o.json").write_text(json.dumps({"graphs": [{"nodes": nodes, "edges": edges}]}))
    (folder / "azimuth.csv").write_text(
        "cell,predicted.l1,predicted.l1.score\n"
        + "".join(f"{c},{names[i]},0.5\n" for c, i in zip(cells, calls, strict=True))
    )
    write_example(folder / "dirs")
    for path in sorted((folder / "dirs" / "annotate").iterdir())[1:]:
        shutil.rmtree(path)
    (used,) = (folder / "dirs" / "annotate").iterdir()
    donor = Path(json.loads((used / "metadata.json").read_text())["input_path"]).name
    for path in (folder / "dirs" / "truth").iterdir():
        if path.name != donor:
            path.unlink()


def _plates(folder: Path) -> None:
    """Write what cpjump reads: embeddings, a fitted correction, a split."""
    import h5py
    import numpy as np
    import polars as pl

    from fastbench.engine.cpjump import Options, plan
    from fastbench.engine.cpjump.correction.files import save_fitted
    from fastbench.engine.cpjump.correction.transforms import fit
    from fastbench.engine.cpjump.plates.simulate_embeddings import write_simulated_embeddings
    from fastbench.engine.cpjump.split.manifest import output_paths, write_split
    from fastbench.engine.cpjump.split.strategies import SplitOptions, make_split

    rng = np.random.default_rng(2)
    whole = folder / "all"
    whole.mkdir()
    plates = plan(Options(cells=("A549",), timelines=("short",), limit_plates=2)).experiments.plates
    write_simulated_embeddings(whole, seed=3, n_features=8, plates=plates)
    (folder / "plates").mkdir()
    wanted = sorted(path for path in whole.rglob("*.h5"))
    keys, vectors = [], []
    for path in wanted:
        with h5py.File(path) as file:
            wells = [well.decode() for well in file["well_position"][()]]
            keys += [(path.stem, well) for well in wells]
            vectors.append(file["embeddings"][()].reshape(len(wells), -1))
        shutil.copy(path, folder / "plates")
    shutil.rmtree(whole)
    pl.DataFrame(keys, schema=["Metadata_Plate", "Metadata_Well"], orient="row").write_csv(folder / "keys.csv")
    np.save(folder / "e.npy", np.concatenate(vectors).astype("f4"))
    np.savez_compressed(folder / "e.npz", embeddings=np.concatenate(vectors).astype("f4"))
    features = [f"Simulated_{i:04d}" for i in range(1, 501)]
    fitted, _ = fit("sphering", rng.normal(size=(8, 500)).astype("f4"), np.array(["p"] * 8), features)
    save_fitted(fitted, folder / "correction.npz")
    write_split(make_split(SplitOptions("cellclip_cpjump_style")), output_paths(folder / "split.csv", False), {})


def _benchmarks() -> dict[str, object]:
    one = {
        "group": "map",
        "name": "test_map[fastbench]",
        "stats": {"min": 0.5, "median": 0.6, "rounds": 3},
        "extra_info": {"job": "map", "tool": "fastbench", "share": 1.0},
    }
    return {"machine_info": {"cpu": {"brand_raw": "x"}}, "datetime": "2026", "benchmarks": [one]}


def _results(folder: Path, pair: tuple[str, str]) -> None:
    """Write two results of a command, which are compared."""
    from fastbench.cli.main import main

    for name in pair:
        sys.argv = [
            "fastbench",
            *replaced(RESULTS[pair], lambda file: f"{folder}/{file}", f"{folder}/{name}"),
            "--quiet",
        ]
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                main()
        except SystemExit as stop:
            if stop.code:
                raise


_FILE = re.compile(r"@([^@:]+)")  # what follows is a column, or an entry of it


def file_of(word: str) -> str:
    """Return the file or folder of the corpus that a word of a command names; empty: none."""
    found = _FILE.search(word)
    return found[1].partition("/")[0] if found else ""


def replaced(command: list[str], place: Callable[[str], str], output: str) -> list[str]:
    """Return a command with the files of a corpus in it."""
    named = [_FILE.sub(lambda found: place(found[1]), word, count=1) for word in command]
    return [output if word == "OUTPUT" else word for word in named]


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2:])
