"""What a user can ask of the CPJUMP1 benchmark. Imports nothing heavy: ``--help`` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...kernels.names import DEVICES, TIES
from ..choices import check_one
from ..errors import InputError
from ..options import option
from ..tables.options import TextOptions
from .checks import check_at_least, known_label, known_labels
from .correction.options import correction_options
from .names import BATCH, KERNELS, LEVEL, METHODS, SUBSETS, SUFFIX, TASKS, TIMELINES, WELL_AGGREGATES
from .presets import PRESETS, Preset

__all__ = ["Options"]

GATES: Final = ("q", "none")
FEATURES: Final = ("profile", "emb")
ORF_REPLICATES: Final = ("any", "same-position", "different-position")
P_VALUES: Final = ("paper", "exact")
TEST_LABELS_CONTROLS: Final = ("plates", "listed")


@dataclass(frozen=True, kw_only=True)
class Options(TextOptions):
    """Everything that decides the result of a run of the CPJUMP1 benchmark.

    Labels are checked, put in lower case where case carries nothing, and freed of duplicates. What was left out is
    filled in where the preset or a saved correction decides it (`ties`, and the options of a batch correction).

    Raises
    ------
    InputError
        On a value that is not known or out of range, and on options that do not go together.
    """

    profiles: Path | None = option(
        "Folder of profiles: [<batch>/]<plate>/*<suffix>. Left out: a demo with simulated features.", None, reads=True
    )
    metadata: Path | None = option(
        "Folder with experiment-metadata.tsv and the compound target table. Left out: the packaged copies. With "
        "--embeddings of .npy or .npz, also a table, which is then --embedding-keys.",
        None,
        reads=True,
    )
    preset: str = option("stable: faults corrected; paper and cellclip: as published.", "stable", choices=(*PRESETS,))
    batch: str = option("Batch of the experiment table.", BATCH)
    cells: tuple[str, ...] | None = option("Cell lines, e.g. A549,U2OS. Left out: all.", None, many="comma")
    timelines: tuple[str, ...] = option("Time labels.", TIMELINES, choices=TIMELINES, many="comma")
    tasks: tuple[str, ...] = option("Tasks.", TASKS, choices=TASKS, many="comma")
    gate: str = option("q: only replicable perturbations are matched; none: all.", "q", choices=GATES)
    q_threshold: float = option("Threshold of the gate and of 'retrieved'.", LEVEL)
    null_size: int = option("Null size whose expected p-value is reported (its floor: 1/(1+N)).", 100_000)
    seed: int = option("Seed of the simulated features of the demo.", 0)
    limit_plates: int | None = option("Keep only the first plates.", None)
    suffix: str = option("How profile files end.", SUFFIX)
    p_values: str = option("paper: mean -log10 p, strict tail; exact: p of the mean AP.", "paper", choices=P_VALUES)
    ties: str | None = option("Rule for equal similarities; the preset's when left out.", None, choices=TIES)
    device: str = option("Where kernels run; the numbers are the same.", "auto", choices=DEVICES, decides=False)
    simulated_features: int = option("Number of simulated features of the demo.", 500, python_only=True)
    features: str = option("profile, or emb: learned embeddings.", "profile", choices=FEATURES)
    embeddings: Path | None = option(
        "Embeddings: folder of <plate>.h5, or one .h5, .npy, .npz, .parquet, .h5ad or .zarr.", None, reads=True
    )
    embedding_keys: Path | None = option(
        "For .npy and .npz: table with plates and wells (Metadata_Plate, plate ...) in the order of the vectors.",
        None,
        reads=True,
    )
    key: tuple[str, ...] = option(
        "Columns of plates and of wells beside the vectors, A,B, where their names do not say it.", (), many="comma"
    )
    embedding: str | None = option(
        "Column of vectors in Parquet, or array of .npz; found when there is one alone.", None
    )
    obsm: str | None = option("For .h5ad and .zarr: entry of obsm. Left out: X.", None)
    zarr_fill: bool = option(
        "zarr: read chunks that are not stored, as zarr 3 leaves out zeros, as the fill value; else they are refused.",
        False,
    )
    well_aggregate: str | None = option(
        "What to do about several vectors of a well. Left out: mean, where most wells have several.",
        None,
        choices=WELL_AGGREGATES,
    )
    batch_correction: str = option("Fitted on negative controls.", "none", choices=METHODS)
    pca_kernel: str | None = option("kernel-pca: its kernel; linear when left out.", None, choices=KERNELS)
    pca_n_components: int | None = option("kernel-pca: components, at most; 500 when left out.", None)
    sphering_epsilon: float | None = option(
        "sphering: added to the singular values of the controls; 1e-6 when left out.", None
    )
    save_correction: Path | None = option(
        "Keep the fitted batch correction in this .npz file.", None, decides=False, writes=True
    )
    load_correction: Path | None = option(
        "Take the batch correction, and its options, from a file instead of fitting it.", None, reads=True
    )
    overwrite: bool = option(
        "Whether an older correction in save_correction is replaced.", False, python_only=True, decides=False
    )
    test_labels: Path | None = option(
        "CSV whose SAMPLE_KEY (PLATE-WELL-...) names the wells to score; negative controls of its plates are kept, "
        "listed or not.",
        None,
        reads=True,
    )
    test_labels_controls: str = option(
        "Negative controls that stay with --test-labels: all of the plates that it names, or those that it lists.",
        "plates",
        choices=TEST_LABELS_CONTROLS,
    )
    split_manifest: Path | None = option(
        "Split of 'fastbench cpjump split'; controls of its plates are kept.", None, reads=True
    )
    split_subset: str | None = option("Its subset to score.", None, choices=SUBSETS)
    orf_replicates: str = option(
        "Positives of an ORF: any replicate, or those in the same or in another position.",
        "any",
        choices=ORF_REPLICATES,
    )

    def __post_init__(self) -> None:
        """Refuse bad values before anything is read."""
        if self.metadata is not None and Path(self.metadata).is_file():
            if self.embedding_keys is not None:
                raise InputError("--metadata is a table, and so is --embedding-keys: give one of them.")
            object.__setattr__(self, "embedding_keys", Path(self.metadata))
            object.__setattr__(self, "metadata", None)
        checked: dict[str, object] = {
            "profiles": _folder(self.profiles, "profiles"),
            "metadata": _folder(self.metadata, "metadata"),
            "preset": known_label("preset", self.preset, PRESETS),
            "timelines": known_labels("timelines", self.timelines, TIMELINES),
            "tasks": known_labels("tasks", (task.replace("-", "_") for task in self.tasks), TASKS),
            "gate": known_label("gate", self.gate, GATES),
            "p_values": known_label("p_values", self.p_values, P_VALUES),
            "features": known_label("features", self.features, FEATURES),
            "batch_correction": known_label("batch_correction", self.batch_correction.replace("_", "-"), METHODS),
            "test_labels_controls": known_label(
                "test_labels_controls", self.test_labels_controls, TEST_LABELS_CONTROLS
            ),
            "orf_replicates": known_label("orf_replicates", self.orf_replicates.replace("_", "-"), ORF_REPLICATES),
        }
        checked["ties"] = known_label("ties", self.ties or PRESETS[str(checked["preset"])].ties, TIES)
        if self.pca_kernel is not None:
            checked["pca_kernel"] = known_label("pca_kernel", self.pca_kernel, KERNELS)
        if self.cells is not None:
            checked["cells"] = tuple(dict.fromkeys(cell.strip() for cell in self.cells)) or None
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        check_one("device", self.device, DEVICES)
        if self.well_aggregate is not None:
            check_one("well_aggregate", self.well_aggregate, WELL_AGGREGATES)
        if not 0 < self.q_threshold < 1:
            raise InputError(f"q_threshold is {self.q_threshold}: give a number between 0 and 1.")
        check_at_least("null_size", self.null_size, 1)
        check_at_least("simulated_features", self.simulated_features, 2)
        check_at_least("seed", self.seed, 0)
        if self.limit_plates is not None:
            check_at_least("limit_plates", self.limit_plates, 1)
        if self.pca_n_components is not None:
            check_at_least("pca_n_components", self.pca_n_components, 1)
        if self.sphering_epsilon is not None and not self.sphering_epsilon >= 0:
            raise InputError(f"sphering_epsilon is {self.sphering_epsilon}: give a number of at least 0.")
        self._check_files()

    def _check_files(self) -> None:
        """Refuse options that only mean something together."""
        if (self.features == "emb") != (self.embeddings is not None):
            raise InputError("--features emb and --embeddings go together: give both, or neither.")
        if (self.split_manifest is None) != (self.split_subset is None):
            raise InputError("--split-manifest and --split-subset go together: give both, or neither.")
        if self.test_labels_controls == "listed" and self.test_labels is None:
            raise InputError("--test-labels-controls listed is for --test-labels: give that file as well.")
        if len(self.key) not in (0, 2):
            raise InputError(f"--key names {len(self.key)} columns: give two, that of plates and that of wells.")
        for name in ("embedding_keys", "obsm", "key", "embedding", "well_aggregate", "zarr_fill"):
            if self.features == "profile" and getattr(self, name) not in (None, False, ()):
                raise InputError(
                    f"--{name.replace('_', '-')} is for embeddings and has no effect with profiles: leave it out, "
                    "or give --features emb and --embeddings."
                )
        given = {name: getattr(self, name) for name in ("pca_kernel", "pca_n_components", "sphering_epsilon")}
        found = correction_options(
            self.batch_correction, given, self.load_correction, self.save_correction, self.overwrite
        )
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @property
    def rules(self) -> Preset:
        """The preset that these options name."""
        return PRESETS[self.preset]

    @property
    def tie_rule(self) -> str:
        """The rule for equal similarities: the option, else the preset's."""
        return self.ties or self.rules.ties

    @property
    def simulated(self) -> bool:
        """Whether the features are simulated."""
        return self.profiles is None and self.embeddings is None

    @property
    def scaler(self) -> str:
        """What kernel principal components are standardised by."""
        if not self.rules.plate_scaler:
            return "controls"
        return "plate" if self.features == "emb" else "none"

    @property
    def corrects_consensus(self) -> bool:
        """Whether profiles are corrected after the consensus instead of well by well."""
        return self.batch_correction != "none" and self.rules.plate_scaler and self.features == "profile"

    @property
    def published_faults(self) -> tuple[str, ...]:
        """One sentence for each way of the published scripts that this run keeps and that bears on these options."""
        sentences = []
        if not self.rules.gate_genes:
            sentences.append("Guides and ORFs are matched, replicable or not, as CellCLIP's branch does.")
        if self.batch_correction == "kernel-pca" and self.scaler == "plate":
            sentences.append(
                "Corrected embeddings are standardised plate by plate on all wells, as CellCLIP's branch does."
            )
        if self.corrects_consensus:
            sentences.append(
                "Profiles are corrected when they are scored, after the consensus, and not standardised, as "
                "CellCLIP's branch does."
            )
        if self.test_labels is not None and self.rules.accumulated_test_filter:
            sentences.append(
                "Test labels filter all wells read so far by the well names of each plate, and controls too, as "
                "CellCLIP's branch does."
            )
        return tuple(sentences)

    @property
    def part_of_wells(self) -> tuple[str, ...]:
        """Options that leave out wells or plates that the published fractions are of."""
        names = ("limit_plates", "split_subset", "test_labels")
        return tuple(f"--{name.replace('_', '-')}" for name in names if getattr(self, name) is not None)

    def gated(self, modality: str) -> bool:
        """Return whether perturbations of a modality must be replicable to be matched."""
        return self.gate == "q" and (modality == "compound" or self.rules.gate_genes)


def _folder(path: Path | None, name: str) -> Path | None:
    if path is not None and not Path(path).is_dir():
        raise InputError(f"The {name} folder '{path}' does not exist: give the path of a folder.")
    return None if path is None else Path(path)
