"""Whether a file holds what it announces: values that are not there must not be read as zeros.

Called from outside
-------------------
`holes.refuse_holes`, `holes.find_holes`    chunks of HDF5 and zarr that were never written
`arrays.mapped_array`, `arrays.read_archive`    arrays of NumPy whose header and size agree, within bounds
`heaps.check_strings`    text of HDF5 whose heap cannot be, which hangs the C library
`isolation.isolated`, `isolation.read_first_in_a_child`    a file that is read in a child process first, within limits
"""
