"""
Choosing features: a path along lambda
======================================

With L1 some weights are exactly zero. The path begins where all of them are, and lets one feature
after the other in. Every fit on it is proved optimal.
"""

import numpy as np

import fastlogreg as flr
from fastlogreg.figures import paths

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 400))  # 20 features, of which three matter
Y = (2 * X[:1] - X[1:2] + 0.5 * X[2:3] + rng.normal(size=(1, 400)) > 0).astype(int)

result = flr.path(X, Y, l1_ratio=1.0)
print(f"{len(result.lambdas)} lambdas, from {result.lambdas[0]:.3g} to {result.lambdas[-1]:.3g}")
print("features that are in first:", np.flatnonzero(result.w[:, 5]) + 1)

# %%
# Along the top stands how many weights are not zero.

figure = paths.path(result.lambdas, result.w)
