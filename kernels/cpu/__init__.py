"""The compiled kernels (Numba and BLAS), function for function those of `kernels.reference`.

How a query becomes counts, step by step, is told in `cpu.rank`.
"""

from .average_precision import average_precision as average_precision
from .confusion import count_confusion as count_confusion
from .expression.group_sums import group_sums as group_sums
from .expression.rank_sums import rank_sums as rank_sums
from .means import group_means as group_means
from .null import advance_moments as advance_moments
from .null import advance_survival as advance_survival
from .null import count_tail as count_tail
from .null import enumerate_ap as enumerate_ap
from .null import expected_ap as expected_ap
from .null import sample_ap as sample_ap
from .null import stream_key as stream_key
from .null import variance_ap as variance_ap
from .null_inversion import characteristic as characteristic
from .null_inversion import characteristic_lists as characteristic_lists
from .null_inversion import exponential_moments as exponential_moments
from .null_inversion import tail_sum as tail_sum
from .null_relabelling import ranked_sums as ranked_sums
from .null_relabelling import relabelled_ap as relabelled_ap
from .null_relabelling import relabelled_sums as relabelled_sums
from .null_relabelling import sample_sets as sample_sets
from .null_relabelling import shuffle_cells as shuffle_cells
from .null_scaled import advance_scaled as advance_scaled
from .null_scaled import scaled_tail as scaled_tail
from .null_split import descend_distribution as descend_distribution
from .null_split import split_tail as split_tail
from .null_sums import count_sums as count_sums
from .null_sums import spectral_tails as spectral_tails
from .ontology import ancestor_bits as ancestor_bits
from .ontology import ancestor_hops as ancestor_hops
from .ontology import best_predictions as best_predictions
from .ontology import node_counts as node_counts
from .ontology import overlaps as overlaps
from .ontology import path_lengths as path_lengths
from .pairs import count_partners as count_partners
from .pairs import label_partners as label_partners
from .pairs import partners as partners
from .proximity.absolute_distances import absolute_distances as absolute_distances
from .proximity.label_distances import cosine_sums as cosine_sums
from .proximity.label_distances import distance_sums as distance_sums
from .proximity.label_distances import distance_unit as distance_unit
from .proximity.neighborhoods import inverse_simpson as inverse_simpson
from .proximity.neighbors import nearest_neighbors as nearest_neighbors
from .proximity.samples import compare_samples as compare_samples
from .proximity.samples import pair_sums as pair_sums
from .ranking import count_outranking as count_outranking
from .ranking import prepare as prepare
