"""The model file: what a training run found and what it needs to be used on new data, in one .npz.

Arrays w (n_x, 1), b, scale, shift, and "metadata", a JSON text with labels, feature names, image
shape, settings and version. No pickle. Written through a temporary file and a rename, so that a
crash leaves the old file or the new one.
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
from ..checks.labels import Label
from .arrays import load_npz_array, npz_headers, save_npz
from .writing import atomic_open

FORMAT = "fastlogreg model 1"
_ARRAYS = ("w", "b", "scale", "shift")


@dataclass(frozen=True)
class Model:
    """Hold a trained model: P(labels[1] given x) = sigmoid(w.T (scale * x + shift) + b).

    Attributes
    ----------
    w : ndarray of shape (n_x, 1)
        The weights.
    b : float
        The bias.
    scale, shift : float or ndarray of shape (n_x, 1)
        What the model was trained on is scale * x + shift.
    labels : tuple
        (negative, positive).
    feature_names : tuple of str or None
        n_x names.
    image_shape : tuple of int or None
        (h, w) or (h, w, c) of one example.
    settings : dict
        How it was trained; numbers, texts, and None for a number that is not finite.
    version : str
        Of the package that trained it.

    References
    ----------
    The file is NumPy's .npz with a JSON text, without pickle: `fastlogreg.files.model`.

    Examples
    --------
    >>> import tempfile
    >>> import fastlogreg as flr
    >>> result = flr.train([[1.0, -1.0]], [[1, 0]], iterations=10)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     flr.Model(result.w, result.b, labels=("no", "yes")).save(f"{folder}/model.npz")
    ...     model = flr.Model.load(f"{folder}/model.npz")
    >>> model.labels, flr.predict(model.w, model.b, [[2.0]])
    (('no', 'yes'), array([[1]], dtype=uint8))
    """

    w: NDArray[np.float64]
    b: float
    scale: float | NDArray[np.float64] = 1.0
    shift: float | NDArray[np.float64] = 0.0
    labels: tuple[Label, Label] = (0, 1)
    feature_names: tuple[str, ...] | None = None
    image_shape: tuple[int, ...] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    version: str = __version__

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
        metadata = {
            "format": FORMAT,
            "version": self.version,
            "labels": self.labels,
            "feature_names": self.feature_names,
            "image_shape": self.image_shape,
            "settings": _finite(self.settings),
        }
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
            if metadata["format"] != FORMAT:
                raise ValueError(
                    f"its format is {metadata['format']!r}, and this version reads {FORMAT!r}"
                )
            return cls._checked(arrays, metadata)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{path} is not a model that this version can read: {error}"
            ) from error

    @classmethod
    def _checked(cls, arrays: dict[str, NDArray[Any]], metadata: dict[str, Any]) -> Model:
        w, names, shape = arrays["w"], metadata["feature_names"], metadata["image_shape"]
        n_x = w.shape[0] if w.ndim == 2 else 0
        if (
            n_x == 0
            or w.shape != (n_x, 1)
            or any(arrays[k].shape not in ((), (n_x, 1)) for k in ("scale", "shift"))
        ):
            raise ValueError(
                f"w must have shape (n_x, 1), scale and shift () or (n_x, 1); w has {w.shape}"
            )
        if arrays["b"].shape != ():
            raise ValueError(f"b must be one number; it has shape {arrays['b'].shape}")
        if any(a.dtype != np.float64 or not np.isfinite(a).all() for a in arrays.values()):
            raise ValueError("w, b, scale and shift must be finite float64 numbers")
        if names is not None and not _is_list_of(names, str):
            raise ValueError("feature names must be a list of texts")
        if shape is not None and not (_is_list_of(shape, int) and min(shape, default=0) > 0):
            raise ValueError("image shape must be a list of whole numbers above 0")
        if (names is not None and len(names) != n_x) or (
            shape is not None and math.prod(shape) != n_x
        ):
            raise ValueError(f"feature names and image shape must be of {n_x} features, as w is")
        if not _is_list_of(metadata["labels"], (int, float, str)):
            raise ValueError("labels must be a list of numbers or texts")
        negative, positive = metadata["labels"]
        if negative == positive:
            raise ValueError(f"labels must be of two classes; both are {negative!r}")
        scale, shift = (a if a.ndim else float(a) for a in (arrays["scale"], arrays["shift"]))
        return cls(
            w,
            float(arrays["b"]),
            scale,
            shift,
            (negative, positive),
            None if names is None else tuple(names),
            None if shape is None else tuple(shape),
            dict(metadata["settings"]),
            str(metadata["version"]),
        )


def _is_list_of(values: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _finite(settings: dict[str, Any]) -> dict[str, Any]:
    """Put None for NaN and infinity, which JSON does not know: alpha of a solver that has none."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in settings.items()
    }
