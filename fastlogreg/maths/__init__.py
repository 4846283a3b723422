"""The mathematics, in NumPy: what every other room agrees with."""
