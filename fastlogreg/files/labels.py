"""Labels that are written as text: the words themselves, or the numbers that they spell.

A label names a class. It becomes a number only where nothing of it is rounded, so that two
names stay two: whole numbers become integers, and floats come of what is written as a float.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT = 2**53  # float64 holds every whole number up to here
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(
    r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE
)
_MOST_DIGITS = 300  # a longer word is text: Python's own limit on digits lies not far above


def numbers_in(words: Sequence[str]) -> NDArray[Any] | None:
    """Read words as numbers, "" as NaN; None where one is no number or would be rounded."""
    present = [word for word in words if word]
    if any(len(word) > _MOST_DIGITS or not _NUMBER.fullmatch(word) for word in present):
        return None
    if present and all(map(_WHOLE.fullmatch, present)):
        whole = [int(word) for word in present]
        if len(present) == len(words):
            return _integers(whole)
        if max(map(abs, whole)) > EXACT:
            return None
    elif any(map(_is_rounded, present)):
        return None
    return np.array([float(word or "nan") for word in words], np.float64)


def _integers(values: list[int]) -> NDArray[Any] | None:
    """Put whole numbers into int64 or else uint64; None where neither holds them."""
    for dtype in (np.int64, np.uint64):
        if np.iinfo(dtype).min <= min(values) and max(values) <= np.iinfo(dtype).max:
            return np.array(values, dtype)
    return None


def _is_rounded(word: str) -> bool:
    """Tell whether float64 makes another whole number of a word without an exponent."""
    value = float(word)
    plain = not set(word.lower()) & set("einf")
    return plain and abs(value) >= EXACT and Decimal(word) != Decimal(value)


def labels_of_words(words: Sequence[str], codes: NDArray[Any], spelt: bool) -> NDArray[Any]:
    """Make labels words[codes]: numbers if all of them are, else text, missing ones NaN or "".

    Parameters
    ----------
    words : the distinct words, "" for a missing label
    codes : (m,) which word each label is
    spelt : keep the words even where all of them are numbers
    """
    used, codes = np.unique(codes, return_inverse=True)
    kept = [words[k].strip() for k in used]
    numbers = None if spelt else numbers_in(kept)
    return np.asarray((np.array(kept, dtype=str) if numbers is None else numbers)[codes])
