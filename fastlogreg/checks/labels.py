"""What the estimators make of y: two classes or more, of any label, and the weight of each example.

That needs scikit-learn; what the command line makes of labels, further down, does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arguments import check_number
from .missing import first_missing, unmasked

Vector = NDArray[np.float64]
LARGEST_WEIGHT = 2.0**500  # sums of weights times x are then far from overflow


class LabelledRows(NamedTuple):
    """The classes, which of them each row is of (m,), and the weight of each row (m,), or none.

    codes are uint8 of 0 and 1 for two classes, and int32 of 0 .. K - 1 for K of them; a row of
    weight 0 may have any. The weights are to be multiplied by 2 ** exponent; it is 0 but where
    their sum would overflow. only: the place of the one class of which rows have a weight, where
    that was allowed; else -1.
    """

    classes: NDArray[Any]
    codes: NDArray[Any]
    weight: Vector
    exponent: int
    only: int = -1


def labels_and_weights(
    y: NDArray[Any], sample_weight: Any, class_weight: Any, one_will_do: bool = False
) -> LabelledRows:
    """Find the classes among the rows of positive weight, and multiply sample and class weights.

    one_will_do: rows of one class may be left by the weights; the classes are then those of y.
    """
    weight: Vector = np.empty(0)
    if sample_weight is not None:
        weight = checked_weights(sample_weight, y)
    counted = y[weight > 0.0] if weight.size else y
    if one_will_do and len(counted) < len(y) and (counted == counted[0]).all():
        classes = _classes(y)
        only = int(np.flatnonzero(classes == counted[0])[0])
        return LabelledRows(classes, codes_of(y, classes), *_summable(weight), only)
    classes = _classes(counted)
    codes = codes_of(y, classes)
    weight, exponent = _summable(weight)
    if class_weight is None:
        return LabelledRows(classes, codes, weight, exponent)
    if not weight.size:
        weight = np.ones(len(y))
    sums = np.bincount(codes, weights=weight, minlength=len(classes)).astype(np.float64)
    factors = _class_factors(class_weight, classes, sums)
    weight, more = _summable(weight * factors[codes])
    return LabelledRows(classes, codes, weight, exponent + more)


def codes_of(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[Any]:
    """Return which class each label (m,) is: uint8 for two, int32 for more; 0 for a label of
    none."""
    if len(classes) == 2:
        return np.ascontiguousarray(y == classes[1]).view(np.uint8)
    codes = np.searchsorted(classes, y).astype(np.int32)
    codes[codes == len(classes)] = 0
    codes[classes[codes] != y] = 0
    return codes


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


def _classes(y: NDArray[Any]) -> NDArray[Any]:
    """Return the classes, sorted. For two of them, comparisons instead of the sort of np.unique."""
    from sklearn.utils.multiclass import type_of_target

    first = y == y[0]
    other = y[int(np.argmin(first))]
    if first.all():
        raise ValueError(
            "y must hold two classes or more among the rows of positive weight to fit on; got one "
            f"class, {listed(y[:1])}. Add rows of another class"
        )
    try:
        pair = (first | (y == other)).all()
        classes = np.unique(np.array([y[0], other], dtype=y.dtype)) if pair else _distinct(y)
    except TypeError as error:
        kind = type(y[:1].tolist()[0])
        other = next((label for label in y.tolist() if type(label) is not kind), other)
        raise TypeError(
            f"y must hold labels that can be sorted; got {y[0]!r} and {other!r}"
        ) from error
    # type_of_target takes a third of a millisecond, as long as a fit of 500 rows: only where there
    # may be something to say.
    target = type_of_target(classes) if classes.dtype.kind not in "buiSU" else "binary"
    if target not in ("binary", "multiclass"):
        raise ValueError(
            f"Unknown label type: {target}. y must hold class labels, not numbers to regress on; "
            f"got {listed(classes)}. For successes among trials take fit_grouped, for "
            "probabilities fastlogreg.train"
        )
    return classes


def _distinct(y: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct labels, sorted. Whole numbers that lie close are counted, not sorted."""
    if y.dtype.kind in "iu":
        low, high = int(y.min()), int(y.max())
        if low > -(2**62) and high < 2**62 and high - low < max(1000, len(y)):
            found = np.flatnonzero(np.bincount(y.astype(np.int64) - low)) + low
            return found.astype(y.dtype)
    distinct: NDArray[Any] = np.unique(y)
    return distinct


def listed(labels: NDArray[Any]) -> str:
    """Return the first ten, for an error text."""
    return ", ".join(repr(label) for label in labels[:10].tolist()) + (
        ", ..." if len(labels) > 10 else ""
    )


def _class_factors(class_weight: Any, classes: NDArray[Any], sums: Vector) -> Vector:
    """Return the weight of each class; sums: of the sample weights in each."""
    if isinstance(class_weight, str) and class_weight == "balanced":
        return sums.sum() / (float(len(sums)) * sums)
    if not isinstance(class_weight, dict):
        raise ValueError(
            f'class_weight must be None, "balanced" or a dict label -> weight; got {class_weight!r}'
        )
    return factors_of(class_weight, classes)


def factors_of(class_weight: dict[Any, Any], classes: NDArray[Any]) -> Vector:
    """Return the weight of each class in a dict label -> weight, 1 where it is left out.

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
            "class_weight must be above 0, or a class would have no rows to fit on; got "
            f"{class_weight!r}"
        )
    return factors


Label = int | float | str | bool


def encode_labels(
    y: NDArray[Any], labels: tuple[Label, ...] | None = None, source: str = "y"
) -> tuple[NDArray[np.float64], tuple[Label, ...]]:
    """Turn K labels, numbers or text, into Y (1, m) of 0 .. K - 1, and return them sorted with it.

    Two are the negative and the positive one. labels: the classes of an earlier call, to which new
    data must keep (one of them alone is then enough). source names the data in errors.
    """
    y = _present(y, source)
    found, of_row = np.unique(y, return_inverse=True)
    values = [_plain(value) for value in found]
    if labels is None:
        labels = _classes_of(values, source)
    code = {label: k for k, label in enumerate(labels)}
    codes = np.array([code.get(value, -1) for value in values])[of_row]
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise ValueError(
            f"{source}: labels must be {_or(labels)}, as in the training data; "
            f"got {_plain(y[row])!r} in row {row} (counted from 0)"
        )
    return codes.astype(np.float64).reshape(1, -1), labels


def one_against_rest(
    y: NDArray[Any], positive: str, source: str = "y"
) -> tuple[NDArray[np.float64], tuple[Label, ...]]:
    """Return Y (1, m), 1 where y is the label that is written as `positive`, with both names.

    ValueError where no label is written so, or every one is.
    """
    y = _present(y, source)
    found = [_plain(value) for value in np.unique(y)]
    named = [label for label in found if str(label) == positive]
    if not named or len(found) == 1:
        raise ValueError(
            f"{source}: one class against the rest must be one of its labels, and not the only "
            f"one; got {positive!r}, and the labels are {_few(found)}"
        )
    return one_label(y, named[0], source), (f"not {positive}", named[0])


def one_label(y: NDArray[Any], label: Label, source: str = "y") -> NDArray[np.float64]:
    """Return Y (1, m), 1 where y is this label."""
    return is_label(_present(y, source), label).astype(np.float64).reshape(1, -1)


def _present(y: NDArray[Any], source: str) -> NDArray[Any]:
    """Return labels (m,) as numbers or stripped text; ValueError where one is missing."""
    row = first_missing(y)
    y = np.asarray(y).reshape(-1)
    if row is None and y.dtype.kind not in "biufUS":
        raise TypeError(f"labels must be numbers or text; {source} has dtype {y.dtype}")
    if y.dtype.kind in "US":
        y = np.char.strip(np.char.decode(y, "utf-8") if y.dtype.kind == "S" else y)
        row = int(np.argmax(y == "")) if (y == "").any() else row
    if row is not None:
        raise ValueError(f"{source}: the label in row {row} (counted from 0) is missing")
    return y


def _classes_of(values: Sequence[Label], source: str) -> tuple[Label, ...]:
    """Return the classes; ValueError for one alone, or for numbers to regress on."""
    if len(values) < 2:
        raise ValueError(
            f"{source}: labels must be of two classes or more to train on; got {len(values)} "
            f"({_few(values)}). Add examples of another class"
        )
    if len(values) > 2 and any(isinstance(value, float) for value in values):
        raise ValueError(
            f"{source}: labels of more than two classes must be whole numbers or text, not numbers "
            f"to regress on; got {_few(values)}"
        )
    return tuple(values)


def _few(labels: Sequence[Label]) -> str:
    """List the first five, for an error text."""
    return ", ".join(map(repr, labels[:5])) + (", ..." if len(labels) > 5 else "")


def _or(labels: Sequence[Label]) -> str:
    """List labels as the choices they are, the first ten of them."""
    *first, last = map(repr, labels[:10])
    if len(labels) > 10:
        return f"one of {', '.join([*first, last])}, ... ({len(labels)} in all)"
    return f"{', '.join(first)} or {last}"


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
