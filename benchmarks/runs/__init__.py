"""The measurements: one file for each name that `python -m benchmarks` takes."""
