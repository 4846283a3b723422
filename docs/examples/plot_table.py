"""
A table: from a data frame to a model
=====================================

The table is the breast cancer data of scikit-learn: 569 tumours, 30 measurements, and whether each
was benign. The estimator takes the data frame as it is.
"""

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

import fastlogreg as flr

frame, benign = load_breast_cancer(as_frame=True, return_X_y=True)
train, test, y_train, y_test = train_test_split(frame, benign, test_size=0.2, random_state=0)

# %%
# ``standardize=True`` fits on features of the same spread. It makes no copy of the table, and
# ``coef_`` is for the features as they were.

model = flr.LogisticRegression(standardize=True).fit(train, y_train)
print(f"accuracy {model.score(test, y_test):.3f}, of always saying benign {y_test.mean():.3f}")
print(f"AUC {roc_auc_score(y_test, model.predict_proba(test)[:, 1]):.3f}")

# %%
# How far the cost can be above the optimum is proved, not guessed:

print(f"cost {model.cost_:.6f}, at most {model.suboptimality_bound_:.1e} above the lowest there is")

# %%
# A coefficient times the standard deviation of its feature tells how much that feature moves z.

weights = model.coef_[0] * train.std().to_numpy()
largest = np.argsort(-np.abs(weights))[:10][::-1]
figure = Figure(figsize=(7.0, 3.8), layout="constrained")
axes = figure.subplots()
axes.barh(frame.columns[largest], weights[largest], color="0.4")
axes.axvline(0, color="black", linewidth=0.8)
axes.set_xlabel("change of z for one standard deviation of the feature")
axes.spines[["top", "right"]].set_visible(False)
