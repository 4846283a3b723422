"""
The learning rate: what is too small, and what is too large
===========================================================

Gradient descent repeats ``w := w - alpha dw``. Let L be the largest curvature of the cost. Up to
2/L the cost never rises; above, it may.
"""

import numpy as np

import fastlogreg as flr
from fastlogreg.lectures import figures

rng = np.random.default_rng(1)
X = rng.normal(size=(2, 80)) * [[1], [3]]
Y = (2 * X[:1] - X[1:] / 3 + rng.normal(size=(1, 80)) > 0.3).astype(np.uint8)
limit = 2 / figures.largest_curvature(X)
print(f"2/L = {limit:.3f}")

# %%
# A dashed line is an alpha above 2/L. A small alpha is slow; one of 1/L, the default of
# ``flr.train``, goes down in every step.

figure = figures.learning_rates(X, Y, [0.03, limit / 2, 0.95 * limit, 4.0])

# %%
# ``flr.train`` finds L by itself.

result = flr.train(X, Y, iterations=100)
assert (np.diff(result.costs) <= 0).all()
print(f"J fell from {result.costs[0]:.4f} to {result.cost:.4f}, and never rose")
