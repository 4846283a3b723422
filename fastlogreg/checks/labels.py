"""What the estimators make of y: two classes of any label, and the weight of each example. Needs
scikit-learn."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arguments import check_number
from .missing import first_missing, unmasked

Vector = NDArray[np.float64]
LARGEST_WEIGHT = 2.0**500  # sums of weights times x are then far from overflow


class LabelledRows(NamedTuple):
    """The two classes, y == the second (m,) as uint8, and the weight of each row (m,), or none.

    The weights are to be multiplied by 2 ** exponent; it is 0 but where their sum would overflow.
    """

    classes: NDArray[Any]
    positive: NDArray[np.uint8]
    weight: Vector
    exponent: int


def labels_and_weights(y: NDArray[Any], sample_weight: Any, class_weight: Any) -> LabelledRows:
    """Find the two classes among the rows of positive weight, and multiply sample and class
    weights."""
    weight: Vector = np.empty(0)
    if sample_weight is not None:
        weight = checked_weights(sample_weight, y)
    classes = _two_classes(y[weight > 0.0] if weight.size else y)
    positive = np.ascontiguousarray(y == classes[1]).view(np.uint8)
    weight, exponent = _summable(weight)
    if class_weight is None:
        return LabelledRows(classes, positive, weight, exponent)
    if not weight.size:
        weight = np.ones(len(y))
    factors = _class_factors(
        class_weight, classes, np.bincount(positive, weights=weight, minlength=2).astype(np.float64)
    )
    weight, more = _summable(weight * factors[positive])
    return LabelledRows(classes, positive, weight, exponent + more)


def _summable(weight: Vector) -> tuple[Vector, int]:
    """Weights and a power of two that was taken from them, so that they can be summed.

    J is the same for weights and lambda of half the size, and a power of two changes no bit.
    """
    if not weight.size or weight.max() < LARGEST_WEIGHT:
        return weight, 0
    exponent = int(np.frexp(weight.max())[1])
    return np.ldexp(weight, -exponent), exponent


def checked_weights(sample_weight: Any, X: NDArray[Any]) -> Vector:
    """One weight for each row of X, not negative; ValueError where all of them are zero."""
    from sklearn.utils.validation import _check_sample_weight

    weight: Vector = _check_sample_weight(
        unmasked("sample_weight", sample_weight), X, dtype=np.float64, ensure_non_negative=True
    )
    if not weight.any():  # scikit-learn itself says so only from 1.9 on
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def _two_classes(y: NDArray[Any]) -> NDArray[Any]:
    """Return the classes, sorted. Two comparisons with labels instead of the sort of np.unique."""
    from sklearn.utils.multiclass import type_of_target

    first = y == y[0]
    other = y[int(np.argmin(first))]
    if first.all():
        raise ValueError(
            "y must hold two classes among the rows of positive weight to fit on; got one "
            f"class, {listed(y[:1])}. "
            f"Add rows of the other class"
        )
    if not (first | (y == other)).all():
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        text = f"Only binary classification is supported. The type of the target is {kind}."
        if kind.startswith("continuous"):
            raise ValueError(
                f"Unknown label type: {kind}. y must hold class labels, not numbers to regress "
                f"on. {text}"
            )
        labels = np.unique(y)
        raise ValueError(
            f"{text} y holds {len(labels)} classes: {listed(labels)}. Fit one against the rest: "
            "y == label"
        )
    try:
        classes: NDArray[Any] = np.unique(np.array([y[0], other], dtype=y.dtype))
    except TypeError as error:
        raise TypeError(
            f"y must hold labels that can be sorted; got {y[0]!r} and {other!r}"
        ) from error
    # type_of_target takes a third of a millisecond, as long as a fit of 500 rows: only where there
    # may be something to say.
    kind = type_of_target(classes) if classes.dtype.kind not in "buiSU" else "binary"
    if kind != "binary":
        raise ValueError(
            f"Unknown label type: {kind}. y must hold class labels; got {listed(classes)}"
        )
    return classes


def listed(labels: NDArray[Any]) -> str:
    """Return the first ten, for an error text."""
    return ", ".join(repr(label) for label in labels[:10].tolist()) + (
        ", ..." if len(labels) > 10 else ""
    )


def _class_factors(class_weight: Any, classes: NDArray[Any], sums: Vector) -> Vector:
    """Return the weight of either class; sums: of the sample weights in each."""
    if isinstance(class_weight, str) and class_weight == "balanced":
        return sums.sum() / (2.0 * sums)
    if not isinstance(class_weight, dict):
        raise ValueError(
            f'class_weight must be None, "balanced" or a dict label -> weight; got {class_weight!r}'
        )
    return factors_of(class_weight, classes)


def factors_of(class_weight: dict[Any, Any], classes: NDArray[Any]) -> Vector:
    """Return the weight of either class in a dict label -> weight, 1 where it is left out.

    ValueError for a label that is none of y's where one of y's is left out: it is misspelt.
    """
    labels = classes.tolist()
    unknown, left_out = (
        [k for k in class_weight if k not in labels],
        [c for c in labels if c not in class_weight],
    )
    if unknown and left_out:
        raise ValueError(
            f"class_weight must have labels of y for keys: {listed(classes)}; got {unknown}"
        )
    factors = np.array(
        [check_number(f"class_weight[{c!r}]", class_weight.get(c, 1.0), low=0) for c in labels]
    )
    if not factors.all():
        raise ValueError(
            "class_weight must be above 0, or one class alone would be left to fit on; got "
            f"{class_weight!r}"
        )
    return factors


Label = int | float | str | bool


def encode_labels(
    y: NDArray[Any], labels: tuple[Label, Label] | None = None, source: str = "y"
) -> tuple[NDArray[np.float64], tuple[Label, Label]]:
    """Labels of two classes, numbers or text -> Y (1, m) of 0.0 and 1.0, and (negative, positive)
    in sorted order.

    labels: the classes of an earlier call, to which new data must keep (one of them alone is then
    enough). source names the data in errors.
    """
    row = first_missing(y)
    y = np.asarray(y).reshape(-1)
    if row is None and y.dtype.kind not in "biufUS":
        raise TypeError(f"labels must be numbers or text; {source} has dtype {y.dtype}")
    if y.dtype.kind in "US":
        y = np.char.strip(np.char.decode(y, "utf-8") if y.dtype.kind == "S" else y)
        row = int(np.argmax(y == "")) if (y == "").any() else row
    if row is not None:
        raise ValueError(f"{source}: the label in row {row} (counted from 0) is missing")
    found = np.unique(y)
    values = tuple(_plain(value) for value in found[:6])
    if labels is None:
        if len(values) != 2:
            few = ", ".join(map(repr, values[:5])) + (", ..." if len(values) > 5 else "")
            raise ValueError(
                f"{source}: labels must be of exactly two classes to train on; got {len(found)} "
                f"({few}). "
                "Keep the examples of two classes, or map the others onto them"
            )
        labels = values
    Y = np.zeros(y.size)
    known = np.zeros(y.size, dtype=bool)
    for code, label in enumerate(labels):
        here = is_label(y, label)
        Y[here], known = code, known | here
    if not known.all():
        row = int(np.argmin(known))
        raise ValueError(
            f"{source}: labels must be {labels[0]!r} or {labels[1]!r}, as in the training data; "
            f"got {_plain(y[row])!r} in row {row} (counted from 0)"
        )
    return Y.reshape(1, -1), labels


def is_label(y: NDArray[Any], label: Any) -> NDArray[np.bool_]:
    """Mark where y is the label: text is no number, and no number is rounded to be equal."""
    if isinstance(label, (str, bytes)) != (y.dtype.kind in "US") or (
        y.dtype.kind == "f"
        and isinstance(label, int)
        and abs(label) > 2**53
        and not (label.bit_length() <= 1023 and int(float(label)) == label)
    ):
        return np.zeros(y.shape, dtype=bool)
    return np.asarray(y == label)


def _plain(value: Any) -> Label:
    """Return a NumPy scalar as int, float, str or bool; 1.0 as 1."""
    item: Label = value.item()
    return int(item) if isinstance(item, float) and item.is_integer() else item
