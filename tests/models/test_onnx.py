"""The ONNX graph answers as the model does, in the runtime that services use."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import fastlogreg as flr

onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime comes with the extra test")

RNG = np.random.default_rng(8)
W, W3, B3 = RNG.normal(size=(5, 1)), RNG.normal(size=(5, 3)), RNG.normal(size=(3, 1))
SHIFT = RNG.normal(size=(5, 1))
MODELS = {
    "text": flr.Model(W, 0.3, 2.0, SHIFT, ("no", "yes"), tuple("abcde")),
    "whole numbers": flr.Model(W, 0.3, labels=(0, 1)),
    "numbers": flr.Model(W, 0.3, labels=(0.5, 2)),
    "booleans": flr.Model(W, 0.3, labels=(False, True)),
    "both": flr.Model(W, 0.3, labels=("not 7", 7)),
    "a threshold": flr.Model(W, 0.3, labels=("no", "yes"), settings={"threshold": 0.8}),
    "softmax, text": flr.Model(W3, B3, 2.0, SHIFT, labels=("a", "b", "ü")),
    "softmax, numbers": flr.Model(W3, B3, labels=(3, 7, -9)),
}


def session(path):
    return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_the_graph_answers_as_the_model(name, dtype, tmp_path):
    model = MODELS[name]
    model.to_onnx(tmp_path / "m.onnx", dtype=dtype)
    graph = session(tmp_path / "m.onnx")
    assert [i.name for i in graph.get_inputs()] == ["X"]
    assert [o.name for o in graph.get_outputs()] == ["label", "probabilities"]
    for m in (1, 50):
        X = (30 * RNG.normal(size=(m, 5))).astype(dtype)
        labels, A = graph.run(None, {"X": X})
        assert A.dtype == dtype
        np.testing.assert_allclose(A, model.predict_proba(X), atol=1e-6, rtol=1e-6)
        expected = [str(v) if name == "both" else v for v in model.predict(X).tolist()]
        assert labels.tolist() == expected


def test_names_of_features_are_in_the_metadata(tmp_path):
    MODELS["text"].to_onnx(tmp_path / "m.onnx")
    found = session(tmp_path / "m.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(found["feature_names"]) == list("abcde")


def test_what_has_no_graph_is_refused(tmp_path):
    plan = {"kind": "number", "name": "age", "fill": 1.0, "indicator": True}
    table = {"version": 1, "columns": [plan]}
    names = ("age", "age (missing)")
    model = flr.Model(W[:2], 0.0, feature_names=names, table=table)
    with pytest.raises(ValueError, match="numbers alone; this one encodes the columns age of a"):
        model.to_onnx(tmp_path / "m.onnx")
    with pytest.raises(ValueError, match="dtype must be one of 'float32', 'float64'"):
        MODELS["text"].to_onnx(tmp_path / "m.onnx", dtype="float16")
    with pytest.raises(ValueError, match="64 bits"):
        flr.Model(W, 0.0, labels=(0, 2**70)).to_onnx(tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_onnx_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "fastlogreg\[onnx\]"'):
        MODELS["text"].to_onnx(tmp_path / "m.onnx")
