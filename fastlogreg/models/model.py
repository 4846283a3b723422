"""A trained model: what it answers on new rows, by NumPy alone, and its file.

The file is an .npz: arrays w, b, scale, shift, and "metadata", a JSON text (`models.metadata`). No
pickle. Written through a temporary file and a rename, so that a crash leaves the old file or the
new one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..checks.arguments import check_threads, is_sparse
from ..checks.labels import Label
from ..files.arrays import load_npz_array, npz_headers, save_npz
from ..files.writing import atomic_open
from ..machine.blas import at_most
from ..machine.once import once
from ..maths import logistic, softmax
from ..tables.given import plain_row
from ..tables.plan import Encoding
from .answers import Weights, read_rows, scores
from .metadata import (
    ARRAYS,
    FORMAT,
    FORMAT_OF_CLASSES,
    FORMAT_OF_TABLES,
    as_text,
    check_contents,
    finite_settings,
    read_metadata,
)
from .one_row import probabilities_of_one, scores_of_one
from .onnx_file import write_onnx


@dataclass(frozen=True)
class Model:
    """Hold a trained model of two labels, or of any number of them, and predict.

    Loading and predicting need NumPy alone. `predict` and `predict_proba` take examples in rows.

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
    The file is NumPy's .npz with a JSON text, without pickle: docs/inside/model-file.md.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> result = flr.train([[1.0, -1.0]], [[1, 0]], iterations=10)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     flr.Model(result.w, result.b, labels=("no", "yes")).save(f"{folder}/model.npz")
    ...     model = flr.Model.load(f"{folder}/model.npz")
    >>> model.labels, model.predict([[2.0], [-3.0]]).tolist()
    (('no', 'yes'), ['yes', 'no'])
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

    @once
    def weights(self) -> Weights:
        """Return w (n_x, columns) and b (columns, 1) for X itself, scale and shift folded in."""
        return Weights.of(self.w, self.b, self.scale, self.shift)

    @once
    def _coef(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the weights (columns, n_x), a row for each, and b (columns,)."""
        w, b = self.weights
        return np.ascontiguousarray(w.T), b[:, 0]

    @once
    def _encoding(self) -> Encoding | None:
        """Return how the columns of a table become X; ValueError where that is damaged."""
        if self.table is None:
            return None
        found = Encoding.of_json(self.table)
        if len(found.features) != len(self.w):
            raise ValueError(
                f"the model has {len(self.w)} features, and its table {len(found.features)}"
            )
        return found

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Return the names of the columns that a row must have, before they are encoded."""
        return self.feature_names if self._encoding is None else tuple(self._encoding.names)

    @property
    def threshold(self) -> float:
        """Return the probability above which labels[1] is predicted; 0.5 if none was chosen."""
        found = self.settings.get("threshold")
        return float(found) if isinstance(found, (int, float)) else 0.5

    def predict_proba(self, X: Any, *, n_threads: int | None = None) -> NDArray[np.float64]:
        """Return the probability of each label for each row.

        Parameters
        ----------
        X : array, data frame, dict, list of dicts or sparse matrix of shape (m, n_columns)
            The examples, in rows. A data frame or dict is read by the names of `columns`, in any
            order; other columns are left out. A dict of single values is one row.
        n_threads : int or None, default=None
            Threads that NumPy's BLAS may use, where it is an OpenBLAS; None leaves them be. The
            setting is the process's, and is put back.

        Returns
        -------
        ndarray of shape (m, K)
            A column for each of `labels`.

        Raises
        ------
        ValueError or TypeError
            For missing columns, another number of them, NaN, infinity or text where the model
            knows none. A word that training has not seen is a warning.

        Examples
        --------
        >>> import numpy as np
        >>> import fastlogreg as flr
        >>> model = flr.Model(np.array([[1.0], [-1.0]]), 0.0, feature_names=("age", "dose"))
        >>> model.predict_proba({"dose": 2.0, "age": 2.0})
        array([[0.5, 0.5]])
        """
        of_one = self._scores_of_one(X, n_threads)
        if of_one is not None:
            return probabilities_of_one(of_one)
        Z = self._scores(X, n_threads)
        if self.by_softmax:
            return softmax.softmax(Z).T
        z = Z[0]
        return np.stack([logistic.sigmoid(-z), logistic.sigmoid(z)], axis=1)

    def predict(self, X: Any, *, n_threads: int | None = None) -> NDArray[Any]:
        """Return the label of each row: labels[1] above `threshold`, or the likeliest of several.

        Parameters
        ----------
        X, n_threads
            As in `predict_proba`.

        Returns
        -------
        ndarray of shape (m,)
            Labels. Raises as `predict_proba` does.

        Examples
        --------
        >>> import numpy as np
        >>> import fastlogreg as flr
        >>> flr.Model(np.array([[1.0]]), 0.0, labels=("no", "yes")).predict([[3.0]])
        array(['yes'], dtype='<U3')
        """
        Z = self._scores(X, n_threads)
        if self.by_softmax:
            codes = Z.argmax(axis=0)
        else:
            codes = (logistic.sigmoid(Z[0]) > self.threshold).astype(np.intp)
        return self._label_array[codes]

    @once
    def _label_array(self) -> NDArray[Any]:
        same = len({isinstance(label, str) for label in self.labels}) == 1
        if same:
            return np.array(self.labels)
        found = np.empty(len(self.labels), object)
        found[:] = self.labels
        return found

    def _scores_of_one(self, X: Any, n_threads: int | None) -> Any:
        """Return z of one row of numbers, an array or a dict, in little time; None of others."""
        if self.table is not None:
            return None
        if self.feature_names is not None and type(X) is dict:
            X = plain_row(X, self.feature_names)
        return scores_of_one(*self._coef, X, n_threads)

    def _scores(self, X: Any, n_threads: int | None) -> NDArray[np.float64]:
        of_one = self._scores_of_one(X, n_threads)
        if of_one is not None:
            return np.array(of_one).reshape(-1, 1)
        threads, names = check_threads(n_threads), self.feature_names
        rows = read_rows(X, len(self.w), names, self._encoding)
        with at_most(threads):
            return scores(rows, self.weights, names)

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
                metadata=np.array(as_text(metadata)),
                w=self.w,
                b=np.asarray(self.b, np.float64),
                scale=np.asarray(self.scale, np.float64),
                shift=np.asarray(self.shift, np.float64),
            )

    def to_onnx(self, path: str | os.PathLike[str], *, dtype: str = "float32") -> None:
        """Write the model as an ONNX graph, for runtimes without Python.

        Its input is "X" (m, n_x), its outputs are "label" (m,) and "probabilities" (m, K). Labels
        of text and numbers mixed become text. It needs the extra `onnx`.

        Parameters
        ----------
        path : path
            Where. The file appears whole or not at all.
        dtype : {"float32", "float64"}, default="float32"
            Of X and of the probabilities; within, all is computed in float64.

        Raises
        ------
        ValueError
            For another dtype, and for a model that encodes the columns of a table: the graph takes
            numbers alone.
        ModuleNotFoundError
            Where onnx is not installed.
        OSError
            Where the file cannot be written.

        References
        ----------
        ONNX, Open Neural Network Exchange: https://onnx.ai.
        """
        write_onnx(self, path, dtype)

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
            Where it is foreign, damaged, or of a later version.
        """
        path = Path(path)
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such model file")
        if not path.is_file():
            raise ValueError(f"{path} is not a file")
        shapes = npz_headers(path)
        if not {*ARRAYS, "metadata"} <= set(shapes):
            raise ValueError(
                f"{path} is not a fastlogreg model: it holds "
                f"{', '.join(list(shapes)[:20]) or 'no arrays'}"
            )
        arrays = {name: load_npz_array(path, name) for name in ARRAYS}
        text = load_npz_array(path, "metadata")
        try:
            metadata = read_metadata(text)
            check_contents(metadata, arrays)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{path} is not a model that this version can read: {error}"
            ) from error
        b, scale, shift = (a if (a := arrays[k]).ndim else float(a) for k in ARRAYS[1:])
        names, shape = metadata["feature_names"], metadata["image_shape"]
        return cls(
            arrays["w"],
            b,
            scale,
            shift,
            tuple(metadata["labels"]),
            None if names is None else tuple(names),
            None if shape is None else tuple(shape),
            metadata["settings"],
            str(metadata["version"]),
            metadata["table"] if metadata["format"] == FORMAT_OF_TABLES else None,
        )
