"""What `xla.ranking` counts with on a device; the thresholds come from the host, see `cpu.rank`.

keys        the pair rule in a form that costs a few integer operations a pair
precision   products of float32, TF32 or split half-precision operands, with the error bound of each
deciding    the float64 value that decides a rank, bit for bit that of the host
tiling      sizes of tiles, few enough that ragged problems share compiled programs
fused       products and counts in one kernel, for GPUs
tiles       the compiled program: a tile of queries against all tiles of its candidates
"""
