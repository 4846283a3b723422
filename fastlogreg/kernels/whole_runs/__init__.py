"""Kernels that make many iterations in one call."""
