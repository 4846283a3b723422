"""The data of the inference benchmark: studies made from fixed seeds, and admit.csv."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from . import data as real


def study(m: int, n_x: int, effect: float, seed: int = 0) -> tuple[Any, Any]:
    """Make X (m, n_x) of normal columns and labels y (m,); every w about `effect`."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n_x))
    z = X @ (effect * rng.standard_normal(n_x)) - 0.3
    return X, (rng.random(m) < 1.0 / (1.0 + np.exp(-z))).astype(np.int64)


def admit(folder: Path | None) -> tuple[Any, Any] | None:
    """Read the 400 admissions: gre, gpa and three indicators of rank; None without the file."""
    path = (real.DATA if folder is None else folder) / "tables" / "admit.csv"
    if not path.is_file():
        return None
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    X = [[float(r["gre"]), float(r["gpa"]), *(r["rank"] == k for k in "234")] for r in rows]
    return np.array(X, np.float64), np.array([int(r["admit"]) for r in rows])
