"""The command show: what a model file holds."""

from __future__ import annotations

import json
from typing import Annotated, Any

import numpy as np
import typer

from ..models.metadata import finite_settings
from ..models.model import Model
from . import options
from .coefficients import short
from .reading import encoding_of_model
from .scores import number
from .table_reading import wrapped

_HOW = (
    ("data", "trained on {}"),
    ("examples", "{} examples"),
    ("solver", "solver {}"),
    ("lambda_", "lambda {:.4g}"),
    ("l1_ratio", "L1 ratio {:.4g}"),
    ("bounds", "bounds {}"),
    ("penalty_weights", "penalty weights {:.200}"),
    ("iterations", "{} iterations"),
    ("stop_reason", "ended by {}"),
    ("cost", "cost {:.6f}"),
    ("class_weight", "class weights {}"),
    ("threshold", "threshold {:.4g}"),
)
_WIDTH = 44


def show(
    model: options.ModelFile,
    every: Annotated[
        bool, typer.Option("--all", help="Every coefficient, and not the 30 largest alone.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show what a MODEL is: its labels, its coefficients by name, and how it was trained."""
    loaded = Model.load(model)
    names = loaded.feature_names or tuple(f"x{j + 1}" for j in range(len(loaded.w)))
    of_x = np.asarray(loaded.w * np.asarray(loaded.scale))
    b = np.reshape(loaded.b, (-1, 1)) + loaded.w.T @ np.broadcast_to(
        np.asarray(loaded.shift, np.float64), (len(loaded.w), 1)
    )
    columns = [] if loaded.table is None else encoding_of_model(loaded.table, names).names
    if as_json:
        found = {
            "labels": list(loaded.labels),
            "version": loaded.version,
            "settings": finite_settings(loaded.settings),
            "columns": columns or None,
            "image_shape": loaded.image_shape,
            "intercept": [number(v) for v in b[:, 0]],
            "coefficients": [
                {"feature": name, "values": [number(v) for v in row]}
                for name, row in zip(names, of_x)
            ],
        }
        print(json.dumps(found, indent=2, allow_nan=False))
        return
    kind = "softmax" if loaded.by_softmax else "sigmoid"
    labels = ", ".join(short(str(label), 20) for label in loaded.labels[:10])
    more = ", ..." if len(loaded.labels) > 10 else ""
    print(f"{model}: a model of {loaded.n_classes} labels by {kind}, fastlogreg {loaded.version}")
    last = "" if loaded.by_softmax else " (y = 1 is the last)"
    print(*wrapped(f"labels: {labels}{more}{last}"), sep="\n")
    how = ", ".join(
        text.format(loaded.settings[key])
        for key, text in _HOW
        if loaded.settings.get(key) is not None
    )
    if how:
        print(*wrapped(how), sep="\n")
    if columns:
        print(*wrapped(f"reads the columns {', '.join(columns)}"), sep="\n")
    _print_coefficients(names, of_x, b, every)


def _print_coefficients(names: Any, of_x: Any, b: Any, every: bool) -> None:
    """Print the coefficients of X as it is in the file, the largest by their size alone first."""
    order = np.arange(len(of_x))
    if len(of_x) > 30 and not every:
        order = np.argsort(-np.abs(of_x).max(axis=1), kind="stable")[:30]
    shown = [short(str(names[j]), _WIDTH) for j in order]
    width = max(len("intercept"), *map(len, shown))
    room = max(1, (80 - 2 - width - 5) // 12)
    print("coefficients, in units of the columns:")
    for name, row in (("intercept", b[:, 0]), *zip(shown, of_x[order])):
        dots = "  ..." if len(row) > room else ""
        print(f"  {name:{width}}" + "".join(f"  {v:>10.4g}" for v in row[:room]) + dots)
    if len(order) < len(of_x):
        print(f"  and {len(of_x) - len(order)} more (--all)")
