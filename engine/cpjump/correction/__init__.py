"""Batch correction: transforms fitted on negative controls, and the options that choose one.

`transforms`  kernel PCA, sphering and MAD: `fit`, `Fitted.transform`
`files`       a fitted transform in a file, and whether it is whole: `save_fitted`, `load_fitted`
`options`     what goes together, and what a saved correction says of itself
============  =======================================================================================================
=======
=============  ======================================================================================================
`transforms`   kernel PCA, sphering and MAD: `fit`, `Fitted.transform`
`files`        a fitted transform in a file, and whether it is whole: `save_fitted`, `load_fitted`
`fingerprint`  what controls look like, by which vectors of another model are refused
`options`      what goes together, and what a saved correction says of itself
=============  ======================================================================================================

`plates.corrected` applies them inside the benchmark.
"""
