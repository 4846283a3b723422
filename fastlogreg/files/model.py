"""The model file: what a training run found and what it needs to be used on new data, in one .npz.

Arrays w, b, scale, shift, and "metadata", a JSON text with labels, feature names, image shape,
settings and version. No pickle. Written through a temporary file and a rename, so that a crash
leaves the old file or the new one.

There are three formats. Format 1 is a model of two labels by the sigmoid: w (n_x, 1), b one number.
Format 2 is a model of K labels by softmax: w (n_x, K), b (K, 1). Format 3 is either of them, and
"table" in its metadata says how the columns of a table become X: see `fastlogreg.tables.plan`. A
file has the lowest format that it needs. Earlier versions refuse formats that they do not know.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..checks.arguments import is_sparse
from ..checks.labels import Label
from .arrays import load_npz_array, npz_headers, save_npz
from .writing import atomic_open

FORMAT, FORMAT_OF_CLASSES = "fastlogreg model 1", "fastlogreg model 2"
FORMAT_OF_TABLES = "fastlogreg model 3"
_ARRAYS = ("w", "b", "scale", "shift")


@dataclass(frozen=True)
class Model:
    """Hold a trained model of two labels, or of any number of them.

    Two: P(labels[1] given x) = sigmoid(w.T (scale * x + shift) + b). K of them: P(labels[k] given
    x) is row k of softmax(w.T (scale * x + shift) + b).

    Attributes
    ----------
    w : ndarray of shape (n_x, 1), or (n_x, K) by softmax
        The weights; a sparse matrix is made an array.
    b : float, or ndarray of shape (K, 1) by softmax
        The bias, of each class.
    scale, shift : float or ndarray of shape (n_x, 1)
        What the model was trained on is scale * x + shift.
    labels : tuple
        (negative, positive), or the label of each of the K columns of w.
    feature_names : tuple of str or None
        n_x names.
    image_shape : tuple of int or None
        (h, w) or (h, w, c) of one example.
    settings : dict
        How it was trained; numbers, texts, and None for a number that is not finite.
    version : str
        Of the package that trained it.
    table : dict or None
        How the columns of a table become X, where they are not numbers alone.

    References
    ----------
    The file is NumPy's .npz with a JSON text, without pickle: `fastlogreg.files.model`.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> result = flr.train([[1.0, -1.0]], [[1, 0]], iterations=10)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     flr.Model(result.w, result.b, labels=("no", "yes")).save(f"{folder}/model.npz")
    ...     model = flr.Model.load(f"{folder}/model.npz")
    >>> model.labels, flr.predict(model.w, model.b, [[2.0]])
    (('no', 'yes'), array([[1]], dtype=uint8))
    >>> flr.Model(np.eye(3), np.zeros((3, 1)), labels=("a", "b", "c")).n_classes
    3
    """

    w: NDArray[np.float64]
    b: float | NDArray[np.float64]
    scale: float | NDArray[np.float64] = 1.0
    shift: float | NDArray[np.float64] = 0.0
    labels: tuple[Label, ...] = (0, 1)
    feature_names: tuple[str, ...] | None = None
    image_shape: tuple[int, ...] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    version: str = __version__
    table: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        w: Any = self.w
        if is_sparse(w):
            object.__setattr__(self, "w", np.asarray(w.toarray()))

    @property
    def n_classes(self) -> int:
        """Return how many labels there are."""
        return len(self.labels)

    @property
    def by_softmax(self) -> bool:
        """Return whether w has a column for each label; else it has one, for labels[1]."""
        return self.w.shape[1] > 1

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, through a temporary file and a rename.

        Parameters
        ----------
        path : path
            Where.

        Raises
        ------
        OSError
            If that fails; path is then as it was.
        """
        plain = FORMAT_OF_CLASSES if self.by_softmax else FORMAT
        metadata = {
            "format": plain if self.table is None else FORMAT_OF_TABLES,
            "version": self.version,
            "labels": self.labels,
            "feature_names": self.feature_names,
            "image_shape": self.image_shape,
            "settings": finite_settings(self.settings),
        }
        if self.table is not None:
            metadata["table"] = self.table
        with atomic_open(path) as file:
            save_npz(
                file,
                metadata=np.array(json.dumps(metadata, allow_nan=False)),
                w=self.w,
                b=np.asarray(self.b, np.float64),
                scale=np.asarray(self.scale, np.float64),
                shift=np.asarray(self.shift, np.float64),
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Read a model file.

        Parameters
        ----------
        path : path
            Where.

        Returns
        -------
        Model
            What was saved.

        Raises
        ------
        FileNotFoundError
            Where there is none.
        ValueError
            Where it is foreign or damaged.
        """
        path = Path(path)
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such model file")
        if not path.is_file():
            raise ValueError(f"{path} is not a file")
        shapes = npz_headers(path)
        if not {*_ARRAYS, "metadata"} <= set(shapes):
            raise ValueError(
                f"{path} is not a fastlogreg model: it holds "
                f"{', '.join(list(shapes)[:20]) or 'no arrays'}"
            )
        arrays = {name: load_npz_array(path, name) for name in _ARRAYS}
        text = load_npz_array(path, "metadata")
        try:
            if text.shape != () or text.dtype.kind != "U":
                raise ValueError(
                    f"its metadata must be one text; it is {text.dtype} of shape {text.shape}"
                )
            metadata = json.loads(str(text))
            if metadata["format"] not in (FORMAT, FORMAT_OF_CLASSES, FORMAT_OF_TABLES):
                raise ValueError(
                    f"its format is {metadata['format']!r}, and this version reads {FORMAT!r}, "
                    f"{FORMAT_OF_CLASSES!r} and {FORMAT_OF_TABLES!r}"
                )
            return cls._checked(arrays, metadata)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{path} is not a model that this version can read: {error}"
            ) from error

    @classmethod
    def _checked(cls, arrays: dict[str, NDArray[Any]], metadata: dict[str, Any]) -> Model:
        of_table = metadata["format"] == FORMAT_OF_TABLES
        table = metadata["table"] if of_table else None
        if of_table and not (isinstance(table, dict) and isinstance(table.get("columns"), list)):
            raise ValueError("its table must be an object with a list of columns")
        classes = metadata["format"] == FORMAT_OF_CLASSES or (
            of_table and arrays["w"].ndim == 2 and arrays["w"].shape[1] > 1
        )
        n_x = _check_arrays(arrays, classes)
        names, shape = metadata["feature_names"], metadata["image_shape"]
        if names is not None and not _is_list_of(names, str):
            raise ValueError("feature names must be a list of texts")
        if shape is not None and not (_is_list_of(shape, int) and min(shape, default=0) > 0):
            raise ValueError("image shape must be a list of whole numbers above 0")
        if (names is not None and len(names) != n_x) or (
            shape is not None and math.prod(shape) != n_x
        ):
            raise ValueError(f"feature names and image shape must be of {n_x} features, as w is")
        w = arrays["w"]
        b, scale, shift = (a if (a := arrays[k]).ndim else float(a) for k in _ARRAYS[1:])
        return cls(
            w,
            b,
            scale,
            shift,
            _checked_labels(metadata["labels"], w.shape[1] if classes else 2),
            None if names is None else tuple(names),
            None if shape is None else tuple(shape),
            dict(metadata["settings"]),
            str(metadata["version"]),
            table,
        )


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


def _checked_labels(labels: Any, count: int) -> tuple[Label, ...]:
    """Check that so many different labels are there."""
    if not _is_list_of(labels, (int, float, str)):
        raise ValueError("labels must be a list of numbers or texts")
    if len(labels) != count:
        raise ValueError(f"there must be {count} labels; got {len(labels)}")
    found: set[Any] = set()
    for label in labels:
        if label in found:
            raise ValueError(f"labels must be of different classes; {label!r} is there twice")
        found.add(label)
    return tuple(labels)


def _is_list_of(values: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def finite_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Put None for NaN and infinity, which JSON does not know: alpha of a solver that has none."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in settings.items()
    }
