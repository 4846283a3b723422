"""Kernels of the Hessian and of systems with it."""
