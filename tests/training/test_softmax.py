"""A run of several classes that was cut off goes on to the bits that it would have reached."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastlogreg.data.inputs import design_of
from fastlogreg.objective.softmax import SoftmaxObjective
from fastlogreg.solvers import auto, newton, registry
from fastlogreg.solvers.result import Progress, TrainingResult, TrainingWarning
from fastlogreg.solvers.state import State
from fastlogreg.training import run
from fastlogreg.training.checkpoint import Checkpoint, Refused
from fastlogreg.training.options import Options
from tests.solvers.test_softmax import correlated

WAYS: dict[str, dict[Any, dict[str, Any]]] = {
    "small": {},
    "sample": {auto: {"SMALL": 0.0, "LEAST_ROWS": 100, "ROWS_PER_FEATURE": 1, "WORTH": 1e9}},
    "factors": {auto: {"SMALL": 0.0, "LARGEST_OF_CLASSES": 0}},
    "products": {newton: {"LARGEST_OF_CLASSES": 0}},
}
CASES = [(solver, "small") for solver in registry.names() if solver != "prox_newton"]
CASES += [("auto", "sample"), ("auto", "factors"), ("newton", "products")]


def trained(
    classes: int = 4, labels: Any = None, n_threads: int = 1, **options: Any
) -> TrainingResult:
    x, y = correlated()
    y = y if labels is None else labels
    design = design_of(np.ascontiguousarray(x.T), 1.0, 0.0)
    objective = SoftmaxObjective(design, y.astype(np.int32), classes, 0.01, "fused", n_threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        return run.run(objective, State(np.zeros(objective.size)), Options(**options))


@pytest.mark.parametrize(("solver", "way"), CASES)
@pytest.mark.parametrize("stop_at", [1, 3, 9])
def test_resumed_equals_uninterrupted(
    solver: str, way: str, stop_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, values in WAYS[way].items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(run, "STRETCH_SECONDS", 0.0)  # one iteration at a time
    options = {"solver": solver, "iterations": 14, "tol": 1e-13}
    whole = trained(**options)

    def enough(progress: Progress) -> bool:
        return progress.iteration >= stop_at

    path = tmp_path / "run.npz"
    trained(**options, checkpoint=Checkpoint(path), callback=enough)
    found = trained(**options, checkpoint=Checkpoint(path, resume=True), n_threads=2)
    assert found.w.tobytes() == whole.w.tobytes()
    assert found.b.tobytes() == whole.b.tobytes()
    assert found.costs.tobytes() == whole.costs.tobytes()
    assert (found.passes, found.stop_reason) == (whole.passes, whole.stop_reason)
    assert found.suboptimality_bound == whole.suboptimality_bound


def test_a_checkpoint_of_other_labels_or_classes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    options = {"solver": "lbfgs", "iterations": 3}
    trained(**options, checkpoint=Checkpoint(path))
    _, y = correlated()
    with pytest.raises(Refused, match="what differs: Y"):
        trained(labels=(y + 1) % 4, **options, checkpoint=Checkpoint(path, resume=True))
    with pytest.raises(Refused, match=r"classes \(4 there, 5 now\)"):
        trained(5, **options, checkpoint=Checkpoint(path, resume=True))
