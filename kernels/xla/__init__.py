"""The JAX backend: the functions of `kernels.reference` on XLA devices, one GPU, many GPUs, or the CPU.

Importing this package imports JAX. The integer walks (partners, average precision of counts, ancestors and paths of an
ontology graph), the means of groups, sums of cosine distances (no pairs are visited: a row costs little more than
sending it), distances of two samples and the null distribution have no form of their own here: they are those of the
CPU backend. See `ranking` for the counting and `rank` for its parts, `proximity` for what lies near a row, `confusion`
and `ontology` for labels, `context` for devices and JAX settings. Functions that run on a device take a ``platform``,
"gpu" or "cpu".
"""

from ..cpu import absolute_distances as absolute_distances
from ..cpu import advance_moments as advance_moments
from ..cpu import advance_scaled as advance_scaled
from ..cpu import advance_survival as advance_survival
from ..cpu import ancestor_bits as ancestor_bits
from ..cpu import ancestor_hops as ancestor_hops
from ..cpu import average_precision as average_precision
from ..cpu import characteristic as characteristic
from ..cpu import characteristic_lists as characteristic_lists
from ..cpu import compare_samples as compare_samples
from ..cpu import cosine_sums as cosine_sums
from ..cpu import count_partners as count_partners
from ..cpu import count_sums as count_sums
from ..cpu import count_tail as count_tail
from ..cpu import descend_distribution as descend_distribution
from ..cpu import distance_unit as distance_unit
from ..cpu import enumerate_ap as enumerate_ap
from ..cpu import expected_ap as expected_ap
from ..cpu import exponential_moments as exponential_moments
from ..cpu import group_means as group_means
from ..cpu import group_sums as group_sums
from ..cpu import label_partners as label_partners
from ..cpu import pair_sums as pair_sums
from ..cpu import partners as partners
from ..cpu import path_lengths as path_lengths
from ..cpu import rank_sums as rank_sums
from ..cpu import ranked_sums as ranked_sums
from ..cpu import relabelled_ap as relabelled_ap
from ..cpu import relabelled_sums as relabelled_sums
from ..cpu import sample_ap as sample_ap
from ..cpu import sample_sets as sample_sets
from ..cpu import scaled_tail as scaled_tail
from ..cpu import shuffle_cells as shuffle_cells
from ..cpu import spectral_tails as spectral_tails
from ..cpu import split_tail as split_tail
from ..cpu import stream_key as stream_key
from ..cpu import tail_sum as tail_sum
from ..cpu import variance_ap as variance_ap
from .confusion import count_confusion as count_confusion
from .context import local_devices
from .ontology import best_predictions as best_predictions
from .ontology import node_counts as node_counts
from .ontology import overlaps as overlaps
from .proximity.label_distances import distance_sums as distance_sums
from .proximity.neighborhoods import inverse_simpson as inverse_simpson
from .proximity.neighbors import nearest_neighbors as nearest_neighbors
from .rank.precision import PRECISIONS as PRECISIONS
from .ranking import count_outranking as count_outranking
from .ranking import prepare as prepare


def available(platform: str) -> bool:
    """Return whether this process has a device of the platform ("gpu" or "cpu")."""
    return bool(local_devices(platform))
