"""Bytes by example: rows of partial sums for half of the chunks at a time, and the same bits."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.backends import fused
from fastlogreg.data import dense
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.maths.arrays import NONE
from tests.helpers.comparison import WITHOUT_JIT


def design(m, n_x, dtype="uint8", order="F"):
    rng = np.random.default_rng(m)
    X = np.asarray(rng.integers(0, 100, (n_x, m)), dtype, order=order)
    return DesignMatrix(X, np.full(n_x, 1 / 255), np.linspace(-1.0, 1.0, n_x))


@pytest.mark.parametrize("n_x", [3] if WITHOUT_JIT else [3, 20, 100, 205])
@pytest.mark.parametrize("m", [193] if WITHOUT_JIT else [6150, 6339, 6528])
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_the_bits_are_those_of_all_rows(m, n_x, dtype, monkeypatch):
    rng = np.random.default_rng(n_x)
    w, y, weight = rng.normal(size=n_x), rng.integers(0, 2, m).astype(np.uint8), rng.random(m)
    found = []
    for many in (32, 10**9):
        monkeypatch.setattr(dense, "MANY_CHUNKS", many if not WITHOUT_JIT else min(many, 2))
        x = design(m, n_x, dtype)
        if WITHOUT_JIT:
            x.chunk = 8
        zs = np.empty(m)
        own = []
        for n_threads in (1, 2, 3):
            for weights in (NONE, weight):
                sums = fused.fused(x, y, w, 0.3, n_threads=n_threads, weight=weights, zs=zs)
                own += [*sums.dw, sums.loss, sums.db, sums.slopes, *zs]
            own += fused.squares(x, weight, n_threads).tolist()
        found.append(np.array(own).tobytes())
        assert (x.window < x.n_chunks) == (many == 32) or WITHOUT_JIT
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("m", "n_x", "dtype", "order"),
    [(3000, 100, "uint8", "F"), (7000, 100, "uint8", "C"), (7000, 100, "int16", "F")],
)
def test_where_all_chunks_have_their_rows(m, n_x, dtype, order):
    x = design(m, n_x, dtype, order)
    assert x.window == x.n_chunks


def test_rows_take_half_of_what_they_would():
    x = design(7000, 100)
    assert x.n_chunks == 37
    assert x.window == 19
    rng = np.random.default_rng(0)
    Y = rng.integers(0, 2, (1, 7000))
    x.partials[:] = np.nan
    fused.fused(x, Y[0].astype(np.uint8), np.zeros(100), 0.0, n_threads=2)
    assert np.isnan(x.partials[19:]).all()
    assert np.isfinite(flr.train(x.X, Y, iterations=3).cost)
