"""A model as an ONNX graph, which other runtimes read: from X to labels and probabilities.

    z = MatMul(double(X), w) + b        probabilities = Sigmoid, or Softmax      label = Gather

All of it is computed in double, whatever X is, so that the answers are the model's own. The graph
takes the operators of the standard alone. The outputs are those of classifiers in ONNX: "label"
(m,) and "probabilities" (m, K).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import check_choice
from ..checks.extras import require
from ..checks.labels import Label
from ..files.writing import atomic_open

if TYPE_CHECKING:
    from .model import Model

OPSET = 17  # of 2022: every runtime of today knows it
DTYPES = ("float32", "float64")
_IR_VERSION = 8  # of the file itself, of the same year


def write_onnx(model: Model, path: str | os.PathLike[str], dtype: str) -> None:
    """Write the graph of a model; see `Model.to_onnx`."""
    check_choice("dtype", dtype, DTYPES)
    if model.table is not None:
        raise ValueError(
            "to_onnx must have a model of numbers alone; this one encodes the columns "
            f"{', '.join((model.columns or ())[:10])} of a table, which the graph does not. Encode "
            "them beforehand and train on the numbers"
        )
    onnx = require("onnx", "onnx", "to_onnx")
    content = _graph(onnx, model, dtype)
    onnx.checker.check_model(content, full_check=True)
    with atomic_open(path) as file:
        file.write(content.SerializeToString())


def _graph(onnx: Any, model: Model, dtype: str) -> Any:
    helper, kinds = onnx.helper, onnx.TensorProto
    of_x = kinds.FLOAT if dtype == "float32" else kinds.DOUBLE
    w, b = model.weights
    labels = _labels(model.labels)
    constants = {
        "w": np.ascontiguousarray(w),
        "b": np.ascontiguousarray(b.T),
        "labels": labels,
    }
    node = helper.make_node
    nodes = [
        node("Cast", ["X"], ["x"], to=kinds.DOUBLE),
        node("MatMul", ["x", "w"], ["products"]),
        node("Add", ["products", "b"], ["z"]),
    ]
    if model.by_softmax:
        nodes += [
            node("Softmax", ["z"], ["p"], axis=1),
            node("ArgMax", ["z"], ["code"], axis=1, keepdims=0),
        ]
    else:
        constants["threshold"] = np.array(model.threshold)
        constants["column"] = np.array([1], np.int64)
        nodes += [
            node("Neg", ["z"], ["minus_z"]),
            node("Sigmoid", ["minus_z"], ["p0"]),
            node("Sigmoid", ["z"], ["p1"]),
            node("Concat", ["p0", "p1"], ["p"], axis=1),
            node("Greater", ["p1", "threshold"], ["above"]),
            node("Cast", ["above"], ["codes"], to=kinds.INT64),
            node("Squeeze", ["codes", "column"], ["code"]),
        ]
    nodes += [
        node("Gather", ["labels", "code"], ["label"], axis=0),
        node("Cast", ["p"], ["probabilities"], to=of_x),
    ]
    n_x, K = len(w), len(labels)
    value = helper.make_tensor_value_info
    label_kind = helper.np_dtype_to_tensor_dtype(labels.dtype)
    graph = helper.make_graph(
        nodes,
        "fastlogreg",
        [value("X", of_x, ["m", n_x])],
        [value("label", label_kind, ["m"]), value("probabilities", of_x, ["m", K])],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    made = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="fastlogreg",
        producer_version=model.version,
        ir_version=_IR_VERSION,
    )
    if model.feature_names is not None:
        _say(made, "feature_names", model.feature_names)
    return made


def _labels(labels: Sequence[Label]) -> NDArray[Any]:
    """Return labels as ONNX has them: whole numbers, numbers, or text where any of them is text."""
    if any(isinstance(label, str) for label in labels):
        return np.array([str(label) for label in labels], object)
    found = np.array(labels)
    if found.dtype.kind not in "bif":
        raise ValueError(f"labels must fit into 64 bits for ONNX; got {max(labels)!r}")
    return found.astype(np.int64 if found.dtype.kind in "bi" else np.float64)


def _say(made: Any, key: str, names: Sequence[str]) -> None:
    import json

    entry = made.metadata_props.add()
    entry.key, entry.value = key, json.dumps(list(names))
