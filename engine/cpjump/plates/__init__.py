"""Plates of CPJUMP1: their tables, files, wells, embeddings and simulated features.

=====================  ==============================================================================================
`metadata`             the experiment table (`experiments`), plate maps, targets of compounds, published results
`files`                profile files of a plate, and what must be true of each before plates are stacked
`wells`                from the plates of a configuration to labelled wells (`plate_reader`, `read_wells`)
`embeddings`           embeddings in the place of profiles, joined to wells by plate and well
`embedding_files`      their files: one a plate, or one of many plates
`well_metadata`        what lies in the wells, without features
`corrected`            batch correction between the reader of plates and the benchmark
`simulate`,            simulated features, and embeddings, on the real plates
`simulate_embeddings`
=====================  ==============================================================================================

Called from outside: `metadata.experiments`, `metadata.plate_map`, `metadata.packaged`, `simulate.simulate_plates`,
`simulate.write_simulated` and `simulate_embeddings.write_simulated_embeddings`.
"""
