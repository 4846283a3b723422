"""
Images: is it a zero?
=====================

Each image of 8 x 8 pixels becomes a column of 64 numbers. The weights that are learnt form an image
again, which shows where a zero has ink and where it has none.
"""

import numpy as np
from sklearn.datasets import load_digits

import fastlogreg as flr
from fastlogreg.figures.training import training_figure

digits = load_digits()
images = digits.images.astype(np.uint8)  # bytes stay bytes
X, Y = flr.flatten_images(images), flr.labels_to_Y(digits.target, positive=0)
print(X.shape, X.dtype, Y.shape)

# %%
# The pixels go from 0 to 16. ``scale`` is folded into w, so no array of floats is made.

train, test = slice(0, 1200), slice(1200, None)
result = flr.train(X[:, train], Y[:, train], scale=1 / 16, lambda_=1.0, iterations=300)
A = flr.predict_proba(result.w, result.b, X[:, test], scale=1 / 16)
accuracy = np.mean((A > 0.5) == Y[:, test])
print(
    f"accuracy on 597 other images: {accuracy:.3f}, of always saying no {1 - Y[:, test].mean():.3f}"
)

# %%
figure = training_figure(
    result.costs,
    w=result.w,
    image_shape=(8, 8),
    X=X[:, test],
    Y=Y[:, test],
    A=A,
    labels=("other", "zero"),
    examples="test",
)
