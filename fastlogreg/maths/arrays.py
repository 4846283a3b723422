"""The types of arrays that every room names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Vector = NDArray[np.float64]
Labels = NDArray[np.uint8]  # (m,), 0 or 1
NONE: Vector = np.empty(0)  # no weights, or no room for z
