"""Tables in memory: data frames of every library, matrices, profiles, groups of rows, filters.

frames          data frames of pandas, Polars and PyArrow in, and back as they came
matrix          feature matrices: types, missing and infinite values
profiles        a metadata frame and a feature matrix that stay together; stacking and consensus
groups          groups of rows, and columns as integer codes
filters, filter_grammar    ``"Metadata_x == 'a'"`` and derived columns
"""
