"""How a solver declares what it saves, for checkpoints to be checked by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Field(NamedTuple):
    """One value that is saved.

    shape: of an array of float64, a letter for each axis: N is n_x, T the size of theta, G is
    m + 3, K is the iterations made, 4 is 4; P and H are any number, the same wherever they stand.
    Without a shape it is a number of this kind: bool, float, or int (then from 0 to 2^53).
    """

    name: str
    shape: str = ""
    kind: type = float
    optional: bool = False


# A solver's words, and what each of them saves. "method" is a sentence of them, the solver's name
# first.
Schema = Mapping[str, tuple[Field, ...]]

Saved = Mapping[str, Any]  # what `state_arrays` gave
