"""Solvers, one file each, all on the same objective; `result` holds what they return."""
