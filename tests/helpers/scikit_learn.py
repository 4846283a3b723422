"""What scikit-learn's versions do differently, for tests that compare with it."""

import numpy as np
import sklearn

SKLEARN = tuple(int(part) for part in sklearn.__version__.split(".")[:2])


def class_weight_of_peer(class_weight, y, sample_weight):
    """Before scikit-learn 1.7 its "balanced" counts the examples of a class and forgets their
    weights."""
    if class_weight != "balanced" or sample_weight is None or SKLEARN >= (1, 7):
        return class_weight
    labels = np.unique(y)
    share = sample_weight.sum() / len(labels)
    return {label: share / sample_weight[y == label].sum() for label in labels}
