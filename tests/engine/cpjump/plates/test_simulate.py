"""The simulation: real wells, and features that follow from the seed and the plate alone."""

import numpy as np
import pytest

from fastbench.engine.cpjump import Options, plan, simulate_plates, write_simulated
from fastbench.engine.errors import InputError


@pytest.fixture(scope="module")
def plates():
    return plan(Options()).experiments.plates


def draw(plates, seed=0, n_features=20):
    return {plate.name: profiles for plate, profiles in simulate_plates(seed, n_features, plates)}


def test_plates_do_not_depend_on_each_other(plates):
    together = draw(plates[:3])
    alone = draw(plates[2:3])
    name = plates[2].name
    np.testing.assert_array_equal(together[name].features, alone[name].features)
    assert not np.array_equal(together[plates[0].name].features, together[name].features)
    assert not np.array_equal(draw(plates[2:3], seed=1)[name].features, alone[name].features)


def test_all_plates_have_the_real_wells(plates):
    drawn = dict(simulate_plates(0, 3))
    assert len(drawn) == 40
    for plate, profiles in drawn.items():
        assert profiles.features.shape == (384, 3)
        assert profiles.features.dtype == np.float32
        metadata = profiles.metadata
        assert metadata["Metadata_Plate"].unique().to_list() == [plate.name]
        assert metadata["Metadata_Well"].n_unique() == 384
        controls = (metadata["Metadata_control_type"] == "negcon").sum()
        blanks = metadata["Metadata_broad_sample"].null_count()
        assert (controls, blanks) == ((64, 64) if plate.modality == "compound" else (60, 4))
        assert ("Metadata_gene" in metadata.columns) == (plate.modality != "compound")
    assert draw(plates[:1])[plates[0].name].metadata.equals(draw(plates[:1])[plates[0].name].metadata)


def test_signal_resembles_the_published_fractions(benchmark_of):
    """A demo that retrieved nothing, or everything, would show nothing."""
    fractions = benchmark_of(simulated_features=500, cells=("A549",)).fr_tables()["replicability"]
    gap = (fractions["fr"] - fractions["published"]).abs()
    assert gap.max() < 0.12
    assert fractions["fr"].max() - fractions["fr"].min() > 0.8


def test_unknown_format(tmp_path, plates):
    with pytest.raises(InputError, match=r"\.csv\.gz or \.parquet"):
        write_simulated(tmp_path, n_features=2, plates=plates[:1], suffix=".txt")
