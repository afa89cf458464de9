"""The JAX room: the functions of `kernels.reference` for XLA devices. It has none yet; `dispatch` does not offer it."""
