"""What a user can ask of the CPJUMP1 benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import InputError
from .checks import check_at_least, known_label, known_labels
from .correction.options import correction_options
from .names import BATCH, KERNELS, LEVEL, METHODS, SUFFIX, TASKS, TIMELINES
from .presets import PRESETS, Preset

__all__ = ["Options"]

GATES: Final = ("q", "none")
FEATURES: Final = ("profile", "emb")
ORF_REPLICATES: Final = ("any", "same-position", "different-position")
P_VALUES: Final = ("paper", "exact")
TIES: Final = ("expected", "optimistic", "pessimistic")


@dataclass(frozen=True)
class Options:
    """Everything that decides the result of a run of the CPJUMP1 benchmark.

    Names and labels are checked, put in lower case where case carries nothing, and freed of duplicates.

    Parameters
    ----------
    profiles : Path, optional
        Folder ``<batch>/<plate>/*<suffix>`` or ``<plate>/*<suffix>``. None scores simulated features on the
        real plates (the demo).
    metadata : Path, optional
        Folder with ``experiment-metadata.tsv`` and the table of compound targets. None uses the packaged
        copies.
    preset : {"stable", "paper", "cellclip"}, default "stable"
        Which published way of running it.
    batch : str, default "2020_11_04_CPJUMP1"
        The batch of the experiment table.
    cells : tuple of str, optional
        Cell lines to keep; None keeps all.
    timelines : tuple of str, default ("short", "long")
        Time labels to keep.
    tasks : tuple of str, default ("replicability", "matching", "gene_compound_matching")
        Tasks to report. Replicability is computed all the same where the gate needs it.
    gate : {"q", "none"}, default "q"
        Whether only replicable perturbations (q-value below the threshold) are matched.
    q_threshold : float, default 0.05
        Threshold of the gate and of "retrieved", in (0, 1).
    null_size : int, default 100000
        Size of the null whose expected p-value is reported; its floor is 1 / (1 + null_size).
    seed : int, default 0
        Seed of the simulated features. Scores of real profiles do not depend on it.
    limit_plates : int, optional
        Keep only the first plates of the selection, in the order of the experiment table.
    suffix : str
        How the profile files of a plate end.
    p_values : {"paper", "exact"}, default "paper"
        "paper": mean of -log10 p over a group, strict tail. "exact": the p-value of the mean AP of the group.
    ties : {"expected", "optimistic", "pessimistic"}, optional
        Rule for equal similarities; None takes the preset's.
    device : str, default "auto"
        Where similarities are computed.
    simulated_features : int, default 500
        Number of simulated features of the demo.
    features : {"profile", "emb"}, default "profile"
        Profiles, or learned embeddings.
    embeddings : Path, optional
        Folder or file of the embeddings, see `embeddings.embedding_reader`. With `profiles`, the metadata of those
        files say what lies in the wells.
    embedding_keys : Path, optional
        For embeddings in ``.npy`` and ``.npz``: the table of plates and wells of their rows.
    obsm : str, optional
        For embeddings in AnnData: the entry of `obsm`; None takes `X`.
    well_aggregate : {"mean", "median", "error"}, optional
        What to do about several vectors of a well.
    batch_correction : {"none", "kernel-pca", "sphering", "mad"}, default "none"
        See `correction.transforms`. The three options that follow are refused with another method than theirs.
    pca_kernel : {"linear", "poly", "rbf", "sigmoid", "cosine"}, optional
        Of ``kernel-pca``; "linear" when left out.
    pca_n_components : int, optional
        Of ``kernel-pca``; 500 when left out.
    sphering_epsilon : float, optional
        Of ``sphering``; 1e-6 when left out.
    save_correction, load_correction : Path, optional
        File to keep the fitted correction in, and one to take it from instead of fitting. The method and its
        parameters are then those of the file, and what is given beside it must agree with them.
    overwrite : bool, default False
        Whether an older correction in `save_correction` is replaced.
    test_labels : Path, optional
        File whose ``SAMPLE_KEY`` names the wells to score; negative controls of its plates are kept.
    split_manifest : Path, optional
        File of a split, see `split.manifest`.
    split_subset : {"train", "validate", "test"}, optional
        Its subset to score; negative controls of its plates are kept.
    orf_replicates : {"any", "same-position", "different-position"}, default "any"
        Which replicates of an ORF are its positives, see `tasks.replicability`.

    Raises
    ------
    InputError
        On a value that is not known or out of range.
    """

    profiles: Path | None = None
    metadata: Path | None = None
    preset: str = "stable"
    batch: str = BATCH
    cells: tuple[str, ...] | None = None
    timelines: tuple[str, ...] = TIMELINES
    tasks: tuple[str, ...] = TASKS
    gate: str = "q"
    q_threshold: float = LEVEL
    null_size: int = 100_000
    seed: int = 0
    limit_plates: int | None = None
    suffix: str = SUFFIX
    p_values: str = "paper"
    ties: str | None = None
    device: str = "auto"
    simulated_features: int = 500
    features: str = "profile"
    embeddings: Path | None = None
    embedding_keys: Path | None = None
    obsm: str | None = None
    well_aggregate: str | None = None
    batch_correction: str = "none"
    pca_kernel: str | None = None
    pca_n_components: int | None = None
    sphering_epsilon: float | None = None
    save_correction: Path | None = None
    load_correction: Path | None = None
    overwrite: bool = False
    test_labels: Path | None = None
    split_manifest: Path | None = None
    split_subset: str | None = None
    orf_replicates: str = "any"

    def __post_init__(self) -> None:
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
            "orf_replicates": known_label("orf_replicates", self.orf_replicates.replace("_", "-"), ORF_REPLICATES),
        }
        if self.ties is not None:
            checked["ties"] = known_label("ties", self.ties, TIES)
        if self.pca_kernel is not None:
            checked["pca_kernel"] = known_label("pca_kernel", self.pca_kernel, KERNELS)
        if self.cells is not None:
            checked["cells"] = tuple(dict.fromkeys(cell.strip() for cell in self.cells)) or None
        for name, value in checked.items():
            object.__setattr__(self, name, value)
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
        for option in ("embedding_keys", "obsm", "well_aggregate"):
            if self.features == "profile" and getattr(self, option) is not None:
                raise InputError(
                    f"--{option.replace('_', '-')} is for embeddings and has no effect with profiles: leave it out, "
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
    def files(self) -> tuple[Path, ...]:
        """Files and folders that a run reads."""
        given = (
            self.profiles,
            self.metadata,
            self.embeddings,
            self.embedding_keys,
            self.load_correction,
            self.test_labels,
            self.split_manifest,
        )
        return tuple(path for path in given if path is not None)

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

    def gated(self, modality: str) -> bool:
        """Return whether perturbations of a modality must be replicable to be matched."""
        return self.gate == "q" and (modality == "compound" or self.rules.gate_genes)

    def as_dict(self) -> dict[str, object]:
        """Every option as plain values, for the manifest."""
        plain: dict[str, object] = {
            name: str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
        }
        return plain | {"ties": self.tie_rule}


def _folder(path: Path | None, name: str) -> Path | None:
    if path is not None and not Path(path).is_dir():
        raise InputError(f"The {name} folder '{path}' does not exist: give the path of a folder.")
    return None if path is None else Path(path)
