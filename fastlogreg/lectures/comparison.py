"""The outcome of one comparison of a loop with its vectorized form."""

from __future__ import annotations

from typing import NamedTuple


class Comparison(NamedTuple):
    """One pair, measured: seconds of each form on `elements` elements, and the largest disagreement
    with NumPy.

    disagreement is relative to the numbers that were added up, and covers both loops.
    interpreted_elements < elements where the interpreted time is extrapolated.
    """

    name: str
    formula: str
    elements: int
    interpreted_elements: int
    interpreted: float
    compiled: float
    numpy: float
    compile_seconds: float
    disagreement: float

    @property
    def extrapolated(self) -> bool:
        return self.interpreted_elements < self.elements

    @property
    def speedup(self) -> float:
        """Compiled loop against interpreted loop."""
        return self.interpreted / self.compiled

    @property
    def against_numpy(self) -> float:
        """Compiled loop against NumPy: above 1 where the loop is faster."""
        return self.numpy / self.compiled
