"""The figures of the benchmark and of a comparison, as PNG and reproducible SVG.

============  =======================================================================================================
`benchmark`   `draw_cpjump`: fractions retrieved and mAP by modality, time and cell line
`comparison`  `draw_overview`: fractions and differences of mAP of all runs; `draw_gained_lost`
============  =======================================================================================================

They take tables and draw them; matplotlib is imported when the first page is made.
"""
