"""The model file's JSON text, its formats, and the checks of what a file says.

There are three formats. Format 1 is a model of two labels by the sigmoid: w (n_x, 1), b one number.
Format 2 is a model of K labels by softmax: w (n_x, K), b (K, 1). Format 3 is either of them, and
"table" in its metadata says how the columns of a table become X: see `fastlogreg.tables.plan`. A
file has the lowest format that it needs. Earlier versions refuse formats that they do not know.
docs/inside/model-file.md has all of it.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.labels import Label

FORMAT, FORMAT_OF_CLASSES = "fastlogreg model 1", "fastlogreg model 2"
FORMAT_OF_TABLES = "fastlogreg model 3"
FORMATS = (FORMAT, FORMAT_OF_CLASSES, FORMAT_OF_TABLES)
ARRAYS = ("w", "b", "scale", "shift")
_KEYS = ("version", "labels", "feature_names", "image_shape", "settings")


def as_text(metadata: dict[str, Any]) -> str:
    """Write the metadata as JSON; ValueError or TypeError where that has no form for them."""
    return json.dumps(metadata, allow_nan=False)


def finite_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Put None for NaN and infinity, which JSON does not know: alpha of a solver that has none."""
    return {name: _finite(value) for name, value in settings.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return finite_settings(value)
    return [_finite(part) for part in value] if isinstance(value, (list, tuple)) else value


def read_metadata(text: NDArray[Any]) -> dict[str, Any]:
    """Read the JSON text of a file; ValueError where it is damaged or of a later version."""
    if text.shape != () or text.dtype.kind != "U":
        raise ValueError(f"its metadata must be one text; it is {text.dtype} of shape {text.shape}")
    # The first versions wrote NaN for what has no value.
    metadata = json.loads(str(text), parse_constant=lambda _: None)
    if not isinstance(metadata, dict) or not isinstance(metadata.get("format"), str):
        raise ValueError("its metadata name no format")
    found = metadata["format"]
    if found not in FORMATS:
        known = f"and this version reads {FORMAT!r} to {FORMAT_OF_TABLES!r}"
        number = re.fullmatch(r"fastlogreg model (\d{1,9})", found, re.ASCII)
        if number and int(number[1]) > len(FORMATS):
            known += (
                f"; it was written by a later version, {metadata.get('version')}: "
                "pip install --upgrade fastlogreg"
            )
        raise ValueError(f"its format is {found!r}, {known}")
    missing = [key for key in _KEYS if key not in metadata]
    if missing:
        raise ValueError(f"its metadata lack {', '.join(missing)}")
    return metadata


def check_contents(metadata: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Check that arrays and metadata of a file are of the same model."""
    of_table = metadata["format"] == FORMAT_OF_TABLES
    table = metadata.get("table")
    if of_table and not (isinstance(table, dict) and isinstance(table.get("columns"), list)):
        raise ValueError("its table must be an object with a list of columns")
    w = arrays["w"]
    classes = metadata["format"] == FORMAT_OF_CLASSES or (
        of_table and w.ndim == 2 and w.shape[1] > 1
    )
    n_x = _check_arrays(arrays, classes)
    names, shape = metadata["feature_names"], metadata["image_shape"]
    if names is not None and not _is_list_of(names, str):
        raise ValueError("feature names must be a list of texts")
    if shape is not None and not (_is_list_of(shape, int) and min(shape, default=0) > 0):
        raise ValueError("image shape must be a list of whole numbers above 0")
    if (names is not None and len(names) != n_x) or (shape is not None and math.prod(shape) != n_x):
        raise ValueError(f"feature names and image shape must be of {n_x} features, as w is")
    _check_labels(metadata["labels"], w.shape[1] if classes else 2)
    if not isinstance(metadata["settings"], dict):
        raise ValueError("its settings must be an object")


def _check_arrays(arrays: dict[str, NDArray[Any]], classes: bool) -> int:
    """Check shapes and values of the arrays in a file, and return n_x; classes: by softmax."""
    w = arrays["w"]
    n_x, columns = w.shape if w.ndim == 2 else (0, 0)
    if (
        n_x == 0
        or (columns < 2 if classes else columns != 1)
        or any(arrays[k].shape not in ((), (n_x, 1)) for k in ("scale", "shift"))
    ):
        what = "(n_x, K) for K labels" if classes else "(n_x, 1)"
        raise ValueError(
            f"w must have shape {what}, scale and shift () or (n_x, 1); w has {w.shape}"
        )
    if arrays["b"].shape != ((columns, 1) if classes else ()):
        what = "a number for each label, (K, 1)" if classes else "one number"
        raise ValueError(f"b must be {what}; it has shape {arrays['b'].shape}")
    if any(a.dtype != np.float64 or not np.isfinite(a).all() for a in arrays.values()):
        raise ValueError("w, b, scale and shift must be finite float64 numbers")
    return int(n_x)


def _check_labels(labels: Any, count: int) -> None:
    """Check that so many different labels are there."""
    if not _is_list_of(labels, (int, float, str)):
        raise ValueError("labels must be a list of numbers or texts")
    if len(labels) != count:
        raise ValueError(f"there must be {count} labels; got {len(labels)}")
    found: set[Label] = set()
    for label in labels:
        if label in found:
            raise ValueError(f"labels must be of different classes; {label!r} is there twice")
        found.add(label)


def _is_list_of(values: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)
