"""The columns of a table: found by name or position, and told from the index of a data frame."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from .common import UnknownName

_POSITION = re.compile(r"[+-]?\d+", re.ASCII)
_INDEX_IN_CSV = re.compile(r"|Unnamed: 0")  # what pandas writes above an index, and makes of it


def column_position(path: Path, names: Sequence[str], key: str | int) -> int:
    """Find the column that a user means: by its name, or else by its position.

    A position may count from the end. A text is no position from the start where a column has a
    number for its name: "3" beside columns 1 and 2 is a name that is missing.
    """
    n = len(names)
    if isinstance(key, str):
        if key in names:
            return _only(path, names, key, f"give its position, 0 to {n - 1}")
        if not _POSITION.fullmatch(key):
            raise _unknown(path, names, key)
        if not key.startswith("-") and any(map(_POSITION.fullmatch, names)):
            raise _unknown(path, names, key, "; these are names, so that a number is no position")
    position = int(key)
    if not -n <= position < n:
        raise _unknown(path, names, key)
    return position % n


def named_column(path: Path, names: Sequence[str], name: str) -> int:
    """Find the column of exactly this name."""
    if name not in names:
        raise _unknown(path, names, name)
    return _only(path, names, name, "give its columns different names")


def _only(path: Path, names: Sequence[str], name: str, remedy: str) -> int:
    if list(names).count(name) > 1:
        raise ValueError(f"{path} has more than one column {name!r}; {remedy}")
    return list(names).index(name)


def _unknown(path: Path, names: Sequence[str], key: str | int, why: str = "") -> UnknownName:
    n = len(names)
    few = ", ".join(map(repr, names[:10])) + (", ..." if n > 10 else "")
    return UnknownName(f"{path} has no column {key!r}; it has the {n} columns {few}{why}")


def check_names(path: Path, names: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse two columns of one name: Arrow reads columns by their names."""
    twice = next(
        (name for name, count in Counter(names).items() if count > 1 and name in wanted), None
    )
    if twice is not None:
        raise ValueError(
            f"{path} has more than one column {twice!r}; give its columns different names"
        )


class Features(NamedTuple):
    """Positions of the columns that are features, and names of those that are left out."""

    positions: list[int]
    left_out: tuple[str, ...]


def feature_columns(
    path: Path,
    names: Sequence[str],
    x: str | Sequence[str] | None,
    target: int | None,
    index: Sequence[int],
) -> Features:
    """Choose the features of a table.

    x: "a,b,c" as a user types it, names or positions; a list of names alone; or None for all
    columns but the target and the index of a data frame.
    """
    if x is None:
        out = [j for j in index if j != target]
        rest = [j for j in range(len(names)) if j != target and j not in out]
        return Features(rest, tuple(names[j] for j in out))
    if isinstance(x, str):
        keys = [x] if x in names else x.split(",")
        positions = [column_position(path, names, key) for key in keys]
    else:
        positions = [named_column(path, names, name) for name in x]
    if target in positions:
        raise ValueError(f"{path}: the target {names[target or 0]!r} is among the features --x")
    return Features(positions, ())


def index_by_metadata(names: Sequence[str], metadata: Mapping[bytes, bytes] | None) -> list[int]:
    """Find the columns that a Parquet file's metadata call the index of a data frame."""
    try:
        columns = json.loads((metadata or {}).get(b"pandas", b"{}"))["index_columns"]
        index = [name for name in columns if isinstance(name, str)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []  # not pandas', or damaged: the columns themselves are read all the same
    return [j for j, name in enumerate(names) if name in index]


def index_by_name(names: Sequence[str]) -> list[int]:
    """Find the first columns of a CSV, if they have no name: pandas writes an index so."""
    n = next((j for j, name in enumerate(names) if not _INDEX_IN_CSV.fullmatch(name)), len(names))
    return list(range(n))


def left_out_text(path: Path | str, left_out: Sequence[str]) -> str:
    """Say that the index of a data frame is no feature, and how to make it one."""
    which = ", ".join(map(repr, left_out))
    return (
        f"{path}: the first column has no name ({which}), as the index of a pandas data frame; "
        "it is left out. To train on it, list its position among the columns (--x)"
        if _INDEX_IN_CSV.fullmatch(left_out[0])
        else f"{path}: {which} is the index of a pandas data frame, and is left out. To train on "
        "it, list it among the columns (--x)"
    )
