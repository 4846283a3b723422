"""Fit logistic regression at memory speed: the lectures' explicit loops, compiled, and vectorized.

Train and predict, X (n_x, m) with one example per column:
    train               from X and Y (1, m) to w (n_x, 1) and b; of K classes w (n_x, K), b (K, 1)
    predict_proba       the estimated P(y = 1 given x) of each example, or P of each class
    predict             0 or 1 for each example, or its class 0 .. K - 1
    path                the same for many lambdas, each from the one before
    LogisticRegression  the scikit-learn estimator, X (n_samples, n_features)
    fit_formula         the same by a formula on a data frame
    LogisticRegressionCV  the same, with C chosen by cross-validation
    RowBlocks           an X larger than memory, in blocks of rows
    Model               a trained model in a file, which predicts by NumPy alone
    influence, leave_one_out  what each example does to a fit
    calibration, hosmer_lemeshow, roc  how good probabilities are
    summary             standard errors, tests and intervals of a fit
    report              all of it on one page of HTML
    compare_models      the likelihood-ratio test of two nested models
    fastlogreg.dask     the same on Dask's collections

The mathematics of the lectures:
    sigmoid, softmax, cost, propagate  the forward and the backward pass
    check_gradient, derivative, nudge  derivatives by moving a little
    Variable                           the computation graph
    compare                            loops against vectorized, measured
    flatten_images, labels_to_Y        into the lectures' notation
    warmup                             compile ahead

What they return, warn with and take:
    Propagation, TrainingResult, PathResult, Progress, TrainingWarning, MatrixLike
    NoCacheWarning, where compiled code cannot be kept
    Influence, LeaveOneOut, of the examples of a fit
    Calibration, HosmerLemeshow, Roc, of probabilities
    Summary, ClassSummary, WaldTest, ModelComparison
    SoftmaxPropagation, SoftmaxResult, SoftmaxProgress, of several classes

Everything else is internal. Importing this package imports neither Numba nor any optional library
and compiles nothing: each public name is looked up in its own module when it is first used
(PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

_HOME = {
    "Calibration": "inference.calibration",
    "ClassSummary": "inference.class_summary",
    "HosmerLemeshow": "inference.calibration",
    "Influence": "api.examples",
    "LeaveOneOut": "api.examples",
    "LogisticRegression": "estimators.logistic",
    "LogisticRegressionCV": "estimators.cv",
    "MatrixLike": "data.matrix_like",
    "Model": "models.model",
    "ModelComparison": "inference.hypotheses",
    "NoCacheWarning": "machine.compiled_code",
    "PathResult": "training.path_result",
    "Progress": "solvers.result",
    "Propagation": "maths.reference",
    "Roc": "inference.calibration",
    "RowBlocks": "data.row_blocks",
    "SoftmaxProgress": "solvers.result",
    "SoftmaxPropagation": "maths.softmax",
    "SoftmaxResult": "solvers.result",
    "Summary": "inference.summary",
    "TrainingResult": "solvers.result",
    "TrainingWarning": "solvers.result",
    "Variable": "lectures.graph",
    "WaldTest": "inference.hypotheses",
    "calibration": "inference.calibration",
    "check_gradient": "tools.gradient_check",
    "compare": "lectures.compare",
    "compare_models": "api.inference",
    "cost": "api.passes",
    "derivative": "maths.derivatives",
    "fit_formula": "estimators.formula",
    "flatten_images": "lectures.notation",
    "hosmer_lemeshow": "inference.calibration",
    "influence": "api.examples",
    "labels_to_Y": "lectures.notation",
    "leave_one_out": "api.examples",
    "nudge": "maths.derivatives",
    "path": "training.paths",
    "predict": "api.predictions",
    "predict_proba": "api.predictions",
    "propagate": "api.passes",
    "report": "api.report",
    "roc": "inference.calibration",
    "sigmoid": "api.activations",
    "softmax": "api.activations",
    "summary": "api.inference",
    "train": "api.training",
    "warmup": "tools.warming",
}
# Written out, since type checkers read it. `import *` needs no scikit-learn: its estimator is
# public, and not here.
__all__ = [
    "Calibration",
    "ClassSummary",
    "HosmerLemeshow",
    "Influence",
    "LeaveOneOut",
    "MatrixLike",
    "Model",
    "ModelComparison",
    "NoCacheWarning",
    "PathResult",
    "Progress",
    "Propagation",
    "Roc",
    "RowBlocks",
    "SoftmaxProgress",
    "SoftmaxPropagation",
    "SoftmaxResult",
    "Summary",
    "TrainingResult",
    "TrainingWarning",
    "Variable",
    "WaldTest",
    "__version__",
    "calibration",
    "check_gradient",
    "compare",
    "compare_models",
    "cost",
    "derivative",
    "flatten_images",
    "hosmer_lemeshow",
    "influence",
    "labels_to_Y",
    "leave_one_out",
    "nudge",
    "path",
    "predict",
    "predict_proba",
    "propagate",
    "report",
    "roc",
    "sigmoid",
    "softmax",
    "summary",
    "train",
    "warmup",
]

if TYPE_CHECKING:
    from .api.activations import sigmoid, softmax
    from .api.examples import Influence, LeaveOneOut, influence, leave_one_out
    from .api.inference import compare_models, summary
    from .api.passes import cost, propagate
    from .api.predictions import predict, predict_proba
    from .api.report import report
    from .api.training import train
    from .data.matrix_like import MatrixLike
    from .data.row_blocks import RowBlocks
    from .estimators.cv import LogisticRegressionCV as LogisticRegressionCV
    from .estimators.formula import fit_formula as fit_formula
    from .estimators.logistic import LogisticRegression as LogisticRegression
    from .inference.calibration import (
        Calibration,
        HosmerLemeshow,
        Roc,
        calibration,
        hosmer_lemeshow,
        roc,
    )
    from .inference.class_summary import ClassSummary
    from .inference.hypotheses import ModelComparison, WaldTest
    from .inference.summary import Summary
    from .lectures.compare import compare
    from .lectures.graph import Variable
    from .lectures.notation import flatten_images, labels_to_Y
    from .machine.compiled_code import NoCacheWarning
    from .maths.derivatives import derivative, nudge
    from .maths.reference import Propagation
    from .maths.softmax import SoftmaxPropagation
    from .models.model import Model
    from .solvers.result import (
        Progress,
        SoftmaxProgress,
        SoftmaxResult,
        TrainingResult,
        TrainingWarning,
    )
    from .tools.gradient_check import check_gradient
    from .tools.warming import warmup
    from .training.path_result import PathResult
    from .training.paths import path
else:  # type checkers are not shown it, so that a name that is not there is an error to them

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(
                f"module 'fastlogreg' has no attribute {name!r}; it has {', '.join(sorted(_HOME))}"
            )
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_HOME})
