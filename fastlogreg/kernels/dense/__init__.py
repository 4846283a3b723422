"""Kernels of a dense X: cost and gradient, and sums of squares."""
