"""The checkpoint of a training run: everything from which it goes on to the same bits, in one .npz.

Arrays of float64, and "metadata", a JSON text with numbers, the data and settings of the run, the
version, and the digest of all of these: an archive that was packed again has right checksums,
whatever became of its contents. No pickle. No vector of m numbers but for gradient descent in the
Gram domain, where m < n_x: what the examples give at a point is recomputed there. Written through a
temporary file and a rename: there is the old file or the new one, never a part.

A run is only continued on the same data (`fingerprint`), with the same settings, by the
same version of the package. What may differ: iterations, tol (but not whether there is one),
max_seconds, n_threads, callback.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..checks.arguments import check_number
from ..files.arrays import npz_headers, save_npz
from ..files.common import reading
from ..files.writing import atomic_open
from ..objective.objective import Objective
from ..solvers.registry import REGISTRY
from ..solvers.schema import Field
from ..solvers.state import FINAL, STATE_FIELDS

FORMAT = "fastlogreg checkpoint 4"
_SIZES = ("n_x", "m", "size")  # of the problem; size: of theta
_LEFTOVER = re.compile(r"\.\d+\.[0-9a-f]{8}\.tmp")  # of `atomic_open`, after a kill

# What every run saves beside its solver: see `solvers.base.Field`.
_OF_EVERY_RUN = (
    *STATE_FIELDS,
    Field("mean", "N", optional=True),
    Field("alpha"),
    Field("L"),
    Field("passes", kind=int),
    Field("seconds"),
    Field("tol"),
)


class Saved(NamedTuple):
    """What a checkpoint holds. run: its data and settings, in words and digests; version: of the
    package that wrote it; values: numbers and arrays by name, theta among them, as the solver
    has it (for scale * X + shift)."""

    run: dict[str, str]
    version: str
    values: dict[str, Any]


def fingerprint(objective: Objective) -> dict[str, str]:
    """Return what tells these data from others, in words and digests.

    X is looked at in a sample; y, weights, scale and shift whole.
    """
    design = objective.design
    vectors = {
        "Y": objective.targets,
        "the weights": objective.weight,
        "scale": design.scale,
        "shift": design.shift,
    }
    digests = {
        name: hashlib.sha256(np.ascontiguousarray(v).data).hexdigest()
        for name, v in vectors.items()
    }
    return {"the form of X": design.form, "the values in X": design.digest(), **digests}


def load(path: str | os.PathLike[str]) -> Saved:
    """Read a checkpoint; ValueError if it is foreign or damaged, FileNotFoundError if it is
    missing."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such checkpoint")
    shapes = npz_headers(path)
    if "metadata" not in shapes or not set(shapes) <= {"metadata", *_arrays()}:
        raise ValueError(
            f"{path} is not a fastlogreg checkpoint: it holds {', '.join(shapes) or 'no arrays'}"
        )
    with reading(path, ".npz"), np.load(path, allow_pickle=False) as archive:
        arrays = {name: np.asarray(archive[name]) for name in archive.files}
    try:
        metadata = json.loads(str(arrays.pop("metadata")))
        if metadata["format"] != FORMAT:
            raise ValueError(
                f"its format is {metadata['format']!r}, and this version reads {FORMAT!r}"
            )
        if metadata["arrays"] != sorted(arrays):  # a damaged directory of a zip file can hide one
            raise ValueError(
                f"it holds {', '.join(sorted(arrays))} instead of {metadata['arrays']}"
            )
        saved = Saved(
            dict(metadata["run"]), str(metadata["version"]), {**metadata["numbers"], **arrays}
        )
        _check(saved, arrays, {name: int(metadata[name]) for name in _SIZES})
        if metadata.pop("digest") != digest(metadata, arrays):
            raise ValueError("its contents are not those that were written")
        return saved
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise ValueError(
            f"{path} is not a checkpoint that this version can read: {error}"
        ) from error


def digest(metadata: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> str:
    """SHA-256 of the values in a checkpoint, whatever the form in which they are stored."""
    found = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(arrays):
        found.update(np.ascontiguousarray(arrays[name]).data)
    return found.hexdigest()


def _arrays() -> set[str]:
    """Name every array that a checkpoint of any solver may hold."""
    own = [fields for entry in REGISTRY.values() for fields in entry.schema.values()]
    return {field.name for fields in (_OF_EVERY_RUN, *own) for field in fields if field.shape}


def _fields(method: str, solver: str) -> dict[str, Field]:
    """Look up what a run of this solver saves with this method; ValueError where it has none."""
    first, *more = method.split()
    if first != solver or first not in REGISTRY:
        raise ValueError(f"the state is of {method!r}, the run of {solver!r}")
    entry = REGISTRY[first]
    if entry.inside and (not more or more[0] not in entry.inside):
        raise ValueError(f"{method!r} names no solver inside")
    schema = dict(entry.schema)
    for name in entry.inside:
        schema.update(REGISTRY[name].schema)
    fields = [*_OF_EVERY_RUN, *(field for word in (first, *more) for field in schema[word])]
    return {field.name: field for field in fields}


def _check(saved: Saved, arrays: dict[str, NDArray[Any]], of: dict[str, int]) -> None:
    values: dict[str, Any] = dict(saved.values)
    fields = _fields(values.pop("method"), saved.run["solver"])
    if values.pop("stop") not in (None, *FINAL):
        raise ValueError("stop must be a final reason")
    wrong = {name for name in values.keys() ^ fields if name in values or not fields[name].optional}
    if ("gradient" in values) != ("curvature" in values):
        wrong.add("curvature")
    if wrong:
        raise ValueError(f"missing or too many: {', '.join(sorted(wrong))}")
    sizes = {"N": of["n_x"], "T": of["size"], "G": of["m"] + 3, "K": values["iteration"], "4": 4}
    for name, value in values.items():
        field = fields[name]
        if not field.shape:
            right = type(value) is field.kind
            if not right or (field.kind is int and not 0 <= value < 2**53):
                raise ValueError(f"{name} is {value!r}")
            continue
        array = arrays[name]
        shape = tuple(
            sizes.setdefault(letter, length) for letter, length in zip(field.shape, array.shape)
        )
        if array.dtype != np.float64 or array.shape != shape or array.ndim != len(field.shape):
            raise ValueError(f"{name} has shape {array.shape} and dtype {array.dtype}")
    if "inner_theta" in values and not values["rows"] > 0:
        raise ValueError("the sample has no rows")


class Refused(ValueError):
    """A checkpoint that is a good one, but not of this run."""


class Checkpoint:
    """The file of one run. due: the reading of `time.perf_counter` from which it is to be written
    again."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: float = 30.0,
        resume: bool = False,
        any_start: bool = False,
    ) -> None:
        """every: seconds between two writes. any_start: resume whatever w and b the run began from.

        Raises ValueError or TypeError, before any work: path cannot be written or is a file that is
        not a checkpoint.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(
                f"checkpoint must be a path, or None for no checkpoint; got {type(path).__name__}"
            )
        self.path, self.any_start = Path(os.path.realpath(path)), any_start
        self.every = self.due = check_number("checkpoint_every", every, low=0)
        self.run: dict[str, str] = {}
        self._found = None
        if (
            self.path.is_dir()
            or not self.path.parent.is_dir()
            or not os.access(self.path.parent, os.W_OK)
        ):
            raise ValueError(
                f"checkpoint cannot be written to {path}: it is a folder, or its folder is "
                "missing or read-only"
            )
        if self.path.exists():
            try:
                found = load(self.path)
            except ValueError as error:
                raise ValueError(
                    "checkpoint names a file that is no checkpoint, and it is left as it is. "
                    "Name another, or remove "
                    f"it to begin anew: {error}"
                ) from error
            self._found = found if resume else None

    @staticmethod
    def of(path: Any, every: Any, resume: Any, any_start: bool = False) -> Checkpoint | None:
        """Make it from the arguments of `train`; None where path is None."""
        if not isinstance(resume, (bool, np.bool_)):
            raise TypeError(f"resume must be True or False; got {resume!r}")
        if path is None and resume:
            raise ValueError("resume=True needs checkpoint=PATH, the file to resume from")
        return None if path is None else Checkpoint(path, every, bool(resume), any_start)

    def begin(self, run: dict[str, str], iterations: int) -> dict[str, Any] | None:
        """Return what to go on from, or None for a new run. `Refused` where the file is of another
        run, or further than `iterations`; it is left alone."""
        found, self._found, self.run = self._found, None, run
        if found is not None:
            there = {**found.run, "version": found.version}
            differing = [
                name if len(value) == 64 else f"{name} ({there.get(name)} there, {value} now)"
                for name, value in {**run, "version": __version__}.items()
                if there.get(name) != value
                and not (self.any_start and name == "w and b at the start")
            ]
            if differing:
                raise Refused(
                    f"{self.path} is the checkpoint of another run; what differs: "
                    f"{', '.join(differing)}. Name another "
                    f"file, or begin anew with resume=False, which overwrites it"
                )
            made = found.values["iteration"]
            if made > iterations:
                raise Refused(
                    f"{self.path} has already made {made} iterations, and {iterations} are asked "
                    "for; ask for at least "
                    f"{made}, or begin anew with resume=False"
                )
        for path in self.path.parent.glob("*.tmp"):
            if path.name.startswith(self.path.name) and _LEFTOVER.fullmatch(
                path.name[len(self.path.name) :]
            ):
                path.unlink(missing_ok=True)
        self.due = time.perf_counter() + self.every
        return None if found is None else found.values

    def write(self, values: dict[str, Any], sizes: dict[str, int]) -> None:
        """Replace the file by these values, of a problem of these sizes.

        OSError if that fails, and then it is as it was.
        """
        arrays: dict[str, Any] = {
            name: value for name, value in values.items() if isinstance(value, np.ndarray)
        }
        numbers = {name: value for name, value in values.items() if name not in arrays}
        metadata: dict[str, Any] = {
            "format": FORMAT,
            "version": __version__,
            "run": self.run,
            **sizes,
            "numbers": numbers,
            "arrays": sorted(arrays),
        }
        metadata["digest"] = digest(metadata, arrays)
        try:
            with atomic_open(self.path) as file:
                save_npz(file, metadata=np.array(json.dumps(metadata)), **arrays)
        finally:
            self.due = time.perf_counter() + self.every
