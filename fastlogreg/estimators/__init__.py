"""The scikit-learn estimator, in memory, and its streams."""
