"""Figures of a training run, and what all figures share; matplotlib is imported when needed."""
