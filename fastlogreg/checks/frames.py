"""Columns of a data frame that are no numbers, named, with what makes numbers of them."""

from __future__ import annotations

from typing import Any

import numpy as np

_MOST = 8  # columns that are named
_SAMPLE = 10_000  # rows that are tried, where a column holds objects


def no_numbers(frame: Any) -> str:
    """Say which columns of a data frame are no numbers; nothing for what is no data frame."""
    names = getattr(frame, "columns", None)
    if names is None or not hasattr(frame, "dtypes"):
        return ""
    if {str(kind) for kind in np.atleast_1d(frame.dtypes)} == {"object"} and hasattr(frame, "T"):
        turned = frame.T.infer_objects()  # X (n_x, m) has the columns of a table in its rows
        if {str(kind) for kind in turned.dtypes} != {"object"} or len(turned.columns) < len(names):
            frame, names = turned, turned.columns
    found, dates = [], False
    for k, name in enumerate(list(names)):
        column = frame.iloc[:, k] if hasattr(frame, "iloc") else frame[name]
        kind = str(column.dtype)
        is_date = "date" in kind.lower() or "time" in kind.lower()
        if is_date or not _numbers(column):
            dates = dates or is_date
            found.append(f"{str(name)[:60]!r} ({kind})")
    if not found:
        return ""
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    hint = ". Of dates take numbers, for instance .dt.year and .dt.month" if dates else ""
    return (
        f"X must hold numbers; these columns do not: {', '.join(found[:_MOST])}{more}. Encode "
        "them, for instance with pandas.get_dummies(X) or sklearn.preprocessing.OneHotEncoder, or "
        f"take fastlogreg.fit_formula{hint}"
    )


def _numbers(column: Any) -> bool:
    try:
        np.asarray(column[:_SAMPLE], dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return str(column.dtype) != "category"
