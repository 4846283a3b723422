"""
Several classes
===============

Three kinds of wine, two of their measurements. The estimator finds the classes by itself. Where two
classes are equally likely is a straight line.
"""

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_wine

import fastlogreg as flr

wine = load_wine(as_frame=True)
features = ["alcohol", "flavanoids"]
rows, kinds = wine.data[features].to_numpy(), wine.target_names[wine.target]
model = flr.LogisticRegression(standardize=True).fit(rows, kinds)
print(f"accuracy {model.score(rows, kinds):.3f} with two of thirteen measurements")
print("P of each class for the first wine:", model.predict_proba(rows[:1]).round(3)[0])

# %%
# Grey tones and markers tell the classes apart, in print too.

x, y = (np.linspace(low, high, 200) for low, high in zip(rows.min(0) - 0.2, rows.max(0) + 0.2))
grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
places = np.searchsorted(model.classes_, model.predict(grid)).reshape(200, 200)
figure = Figure(figsize=(6.0, 4.4), layout="constrained")
axes = figure.subplots()
axes.contourf(x, y, places, levels=[-0.5, 0.5, 1.5, 2.5], colors=["0.95", "0.82", "0.7"])
for k, (kind, marker) in enumerate(zip(model.classes_, "o^s")):
    style = {"marker": marker, "facecolor": ("white", "0.5", "black")[k], "edgecolor": "black"}
    axes.scatter(*rows[kinds == kind].T, s=26, label=kind, **style)
axes.set(xlabel=features[0], ylabel=features[1])
axes.legend(frameon=True, framealpha=1)
