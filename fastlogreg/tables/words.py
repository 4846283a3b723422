"""What the words of a column mean: numbers in one of several hands, dates, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

NOTHING = frozenset(
    ("", "?", "na", "n/a", "nan", "null", "none", "-", "--", ".", "#n/a", "#na", "<na>", "nil")
)
_YES_NO = {"true": 1.0, "false": 0.0}
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[$€£]?\d{1,3}(,\d{3})*(\.\d*)?", re.ASCII)
_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),?\d*([eE][+-]?\d+)?", re.ASCII)
_PERCENT = re.compile(r"[+-]?\d+\.?\d*\s*%", re.ASCII)
_LONGEST = 300  # of a number; a longer word is text


def _plain(word: str) -> float | None:
    if _PLAIN.fullmatch(word) or _INFINITE.fullmatch(word):
        return float(word)
    return None


def _thousands(word: str) -> float | None:
    if _THOUSANDS.fullmatch(word):
        return float(re.sub("[$€£,]", "", word))
    return _plain(word)


def _comma(word: str) -> float | None:
    if _COMMA.fullmatch(word):
        return float(word.replace(".", "").replace(",", "."))
    return None


def _percent(word: str) -> float | None:
    return float(word[:-1]) if _PERCENT.fullmatch(word) else None


def _yes_no(word: str) -> float | None:
    return _YES_NO.get(word.lower())


NUMBERS: dict[str, Callable[[str], float | None]] = {
    "plain": _plain,
    "true/false": _yes_no,
    "decimal comma": _comma,
    "thousands": _thousands,
    "percent": _percent,
}
DATES = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", re.ASCII)


def cleaned(word: str | None, missing: Collection[str] = ()) -> str | None:
    """Strip a word; None where it stands for a missing value. missing: other such words."""
    if word is None:
        return None
    word = word.strip()
    return None if word.lower() in NOTHING or word in missing else word


def number_of(word: str, style: str) -> float | None:
    """Read a word as a number in this style; None where it is none."""
    return NUMBERS[style](word) if len(word) <= _LONGEST else None


def style_of(words: Sequence[str], least: float) -> tuple[str, list[str]] | None:
    """Find a style in which at least this share of the words are numbers, and those that are not.

    None where there is no such style. The first that reads all of them is taken.
    """
    found: tuple[str, list[str]] | None = None
    for style in NUMBERS:
        most = len(words) - least * len(words)
        odd = []
        for word in words:
            if number_of(word, style) is None:
                odd.append(word)
                if len(odd) > most:
                    break
        else:
            if found is None or len(odd) < len(found[1]):
                found = style, odd
            if not odd:
                break
    return found


def date_style_of(words: Sequence[str]) -> str | None:
    """Find the format in which all words are dates; None where there is none."""
    if not words or not all(map(_DATE.match, words[:20])):
        return None
    return next((style for style in DATES if all(date_of(w, style) for w in words)), None)


def date_of(word: str, style: str) -> datetime | None:
    """Read a word as a date in this format; None where it is none."""
    try:
        return datetime.strptime(word, style)
    except ValueError:
        return None
