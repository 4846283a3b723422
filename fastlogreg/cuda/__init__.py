"""The kernels of a GPU, and X and vectors on it; by numba.cuda, which is loaded when it is used."""
