"""
Cats: the lectures' task, on drawn images
=========================================

Is there a cat in the picture? The course has photographs of 64 x 64 pixels in three colours. These
are drawn, so that they can be shown: faces with pointed ears, and balls without.
"""

import numpy as np
from matplotlib.figure import Figure

import fastlogreg as flr
from fastlogreg.figures.training import training_figure

rng = np.random.default_rng(0)
down, right = np.mgrid[0:64, 0:64]


def picture(is_cat):
    """Draw a cat or a ball, near the middle, of any colour, before any background."""
    image = np.ones((64, 64, 3)) * rng.uniform(40, 215, size=3)
    image += (right[:, :, None] - 32) * rng.uniform(-1, 1, size=3)
    row, column = down - rng.uniform(35, 39), right - rng.uniform(30, 34)
    fur = rng.uniform(40, 215, size=3)
    image[(row / 17) ** 2 + (column / 20) ** 2 < 1] = fur
    if is_cat:
        across = np.abs(np.abs(column) - 13)  # from the middle of either ear
        image[(row > 1.8 * across - 28) & (row < -4) & (across < 9)] = fur
        for side in (-8, 8):
            image[((row + 3) / 4) ** 2 + ((column - side) / 3) ** 2 < 1] = (190, 220, 90)
            image[((row + 3) / 4) ** 2 + (column - side) ** 2 < 1] = 15
    return np.clip(image + rng.normal(0, 12, size=image.shape), 0, 255)


truth = rng.random(600) < 0.5
images = np.stack([picture(is_cat) for is_cat in truth]).astype(np.uint8)

# %%
# Some of them, and what they are.

figure = Figure(figsize=(8.0, 1.6), layout="constrained")
for axes, image, is_cat in zip(figure.subplots(1, 6), images, truth):
    axes.imshow(image)
    axes.set_title("cat" if is_cat else "no cat", fontsize=9)
    axes.set_axis_off()

# %%
# An image becomes a column of 12288 numbers, red, green and blue of one pixel side by side. The
# lecture's slide stacks all reds, then all greens, then all blues. It makes no difference.

X, Y = flr.flatten_images(images), flr.labels_to_Y(truth)
stacked = np.moveaxis(images, -1, 1).reshape(600, -1).T
train, test = slice(0, 400), slice(400, None)
result = flr.train(X[:, train], Y[:, train], scale=1 / 255, alpha=0.002, iterations=2000)
other = flr.train(stacked[:, train], Y[:, train], scale=1 / 255, alpha=0.002, iterations=2000)
print(X.shape, X.dtype, f"cost {result.cost:.4f} in one order, {other.cost:.4f} in the other")

# %%
# The weights form an image again, in each colour. Below are the mistakes it is surest of.

A = flr.predict_proba(result.w, result.b, X[:, test], scale=1 / 255)
accuracy = np.mean((A > 0.5) == Y[:, test])
print(f"accuracy on 200 other images: {accuracy:.3f}, always the same answer: {1 - Y.mean():.3f}")
mistakes = training_figure(
    result.costs,
    alpha=result.alpha,
    w=result.w,
    image_shape=(64, 64, 3),
    X=X[:, test],
    Y=Y[:, test],
    A=A,
    labels=("no cat", "cat"),
    examples="test",
)
