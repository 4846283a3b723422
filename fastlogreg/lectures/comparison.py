"""The outcome of one comparison of a loop with its vectorized form."""

from __future__ import annotations

import math
from typing import NamedTuple


class Comparison(NamedTuple):
    """Hold what was measured of one pair: seconds of each form on `elements` elements.

    Attributes
    ----------
    name, formula : str
        The pair.
    elements, interpreted_elements : int
        interpreted_elements < elements where the interpreted time is extrapolated.
    interpreted, compiled, numpy, compile_seconds : float
        Seconds.
    disagreement : float
        The largest disagreement of any form with NumPy, relative to the numbers added up.
    lanes : float
        Seconds of the package's own form, eight numbers at a time; NaN where there is none.
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
    lanes: float = math.nan

    @property
    def extrapolated(self) -> bool:
        """Tell whether the interpreted loop ran on fewer elements than the others."""
        return self.interpreted_elements < self.elements

    @property
    def speedup(self) -> float:
        """Compiled loop against interpreted loop."""
        return self.interpreted / self.compiled

    @property
    def against_numpy(self) -> float:
        """Compiled loop against NumPy: above 1 where the loop is faster."""
        return self.numpy / self.compiled

    @property
    def has_lanes(self) -> bool:
        """Tell whether the package's own form was measured."""
        return not math.isnan(self.lanes)


def against(ratio: float) -> str:
    """Say how many times faster or slower a form is, given the other's time through its own."""
    word, times = ("faster", ratio) if ratio >= 1 else ("slower", 1 / ratio)
    if f"{times:.2g}" == "1":
        return "as fast"
    return f"{times:,.0f} x {word}" if times >= 10 else f"{times:.2g} x {word}"
