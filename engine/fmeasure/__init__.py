"""Flat and ontology-aware F-measure of cell-type annotation.

Files become cell ids and label codes (`columns`, `align`, `labels`), codes become sparse confusion counts (`runs`,
`confusion`), counts become metrics (`metrics`, `hierarchical`, `scores`, `bootstrap`), and metrics a folder
(`workspace`). `pipeline` runs it all; `api` has the functions under the names of cellarium-cas.
"""
