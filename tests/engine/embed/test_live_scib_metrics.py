"""Metrics of 700 blood cells beside scib-metrics, as it is installed, given exact neighbours."""

from __future__ import annotations

from functools import cache

import pytest

from fastbench.bench.peers.embedding_tasks import Peers

from .test_acceptance import CLUSTERS, EXACT, SCIB, found, space

pytest.importorskip("scib_metrics")
pytest.importorskip("igraph")


@cache
def peers(batch: str) -> Peers:
    here = space(batch)
    cells = here.cells
    label, batches = (groups.codes for groups in (cells.labels, cells.batch))
    given = {"x": here.x, "label": label, "batch": batches, "order": cells.order, "before": here.x}
    return Peers(given, exact=True)


@pytest.mark.parametrize("batch", ["phase", "mod3"])
@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("silhouette_score", SCIB),
        ("isolated_labels", SCIB),
        ("batch_silhouette", SCIB),
        ("bras", SCIB),
        ("ilisi", 1e-4),
        ("clisi", 1e-4),
        ("kbet", EXACT),
        ("graph_connectivity", EXACT),
        ("kbet_per_label", 0.02),  # the peer goes on with fewer components after a small label
        ("sequential_silhouette", SCIB),
    ],
)
def test_equals_scib_metrics(name, tolerance, batch):
    assert found(batch, name)[name].value == pytest.approx(getattr(peers(batch), name)(), abs=tolerance)


def test_clusters_agree_with_labels_as_those_of_scib_metrics():
    best = found("phase", "clustering")["leiden_adjusted_rand_index"].value
    assert best == pytest.approx(peers("phase").leiden_of_ten(), abs=CLUSTERS)


def test_sbee_is_that_of_scib_metrics_where_no_cell_is_alone():
    pytest.importorskip("scib_metrics", minversion="0.6")
    assert found("mod3", "sbee")["sbee"].value == pytest.approx(peers("mod3").sbee(), abs=1e-9)
    # Of "phase", two cells are alone in their label and batch: left out here, 0 there.
    assert found("phase", "sbee")["sbee"].params["cells_left_out"] == 2
    assert found("phase", "sbee")["sbee"].value > peers("phase").sbee() + 0.04
