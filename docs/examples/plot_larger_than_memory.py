"""
Larger than memory: blocks of rows
==================================

``RowBlocks`` reads a file in blocks, in each pass anew. Here the file is small, and at most 1 MiB
of it is in memory at a time. The solvers differ in how many passes they need.
"""

import tempfile
from pathlib import Path

import numpy as np

import fastlogreg as flr
from fastlogreg.figures.training import convergence

rng = np.random.default_rng(0)
rows = rng.normal(size=(50_000, 20)) * np.linspace(0.2, 2.0, 20)
Y = (rows @ rng.normal(size=20) + rng.logistic(size=50_000) > 0).astype(int)[None]

folder = tempfile.TemporaryDirectory()
np.save(Path(folder.name) / "rows.npy", rows)
blocks = flr.RowBlocks(Path(folder.name) / "rows.npy", max_memory=1 << 20)

results = {
    solver: flr.train(blocks, Y, solver=solver, lambda_=1.0, tol=1e-8, iterations=1000)
    for solver in ("nesterov", "lbfgs", "auto")
}
for solver, result in results.items():
    print(f"{solver:9} {result.passes:4} passes, {result.stop_reason}")

# %%
figure = convergence(results)
folder.cleanup()
