"""Several softmax models in one read of X: each has the bits that it has alone, in every form of X,
whatever stands beside it and on any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import fastlogreg as flr
from fastlogreg.backends import many, several_models
from fastlogreg.backends import vectorized_many as reference
from fastlogreg.backends.base import Models
from fastlogreg.backends.choice import backend_of
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.data.inputs import design_of
from tests.backends.test_many import assert_close
from tests.helpers.comparison import CONVERTED, IN_PLACE, ORDERS, WITHOUT_JIT, laid_out, values

THREADS = (1, 2, 3, 7)


class Case:
    """Models of K classes on X in some form; the second one's design has a scale and a shift."""

    def __init__(self, X, K=3, models=4, seed=0):
        rng = np.random.default_rng(seed)
        design = X if isinstance(X, DesignMatrix) else design_of(X)
        self.m, self.n_x, self.K, self.models = design.m, design.n_x, K, models
        self.designs = [design] * models
        self.designs[1] = design.rescaled(
            rng.uniform(0.5, 2.0, self.n_x), rng.normal(size=self.n_x)
        )
        self.W = rng.normal(size=(models, K, self.n_x)) / (1e2 * self.n_x**0.5)
        self.b = rng.normal(size=(models, K))
        self.labels = rng.integers(0, K, self.m).astype(np.int32)
        self.weights = rng.random((models + 1, self.m)) * (rng.random((models + 1, self.m)) < 0.8)
        self.weights[0] = 1.0
        self.z = rng.normal(size=(models + 2, K, self.m)) * 2.0

    def together(self, which, rooms, products=False, n_threads=2, by=many):
        zs = self.z.copy()
        models = Models(
            [self.designs[f] for f in which],
            self.W[which],
            self.b[which],
            self.weights,
            np.array(which, np.int32),
        )
        given = {} if by is reference else {"n_threads": n_threads}
        sums = by.model_sums(models, self.labels, zs, np.array(rooms), products=products, **given)
        return sums, zs

    def alone(self, f, room, products=False, by=many):
        zs = self.z.copy()
        point = self.W[f], self.b[f]
        given = {"weight": self.weights[f]}
        if by is many:
            given["n_threads"] = 1
        if products:
            return by.class_products(self.designs[f], zs[room], *point, **given), zs
        return by.class_sums(self.designs[f], self.labels, *point, zs=zs[room], **given), zs


def assert_same(case, which=(0, 1, 2, 3), rooms=(4, 0, 5, 2), **options):
    for products in (False, True):
        found, zs = case.together(list(which), list(rooms), products, **options)
        untouched = set(range(len(case.z))) - set(rooms)
        assert all(np.array_equal(zs[r], case.z[r]) for r in untouched)
        for f, room, sums in zip(which, rooms, found):
            expected, own = case.alone(f, room, products)
            assert np.array_equal(zs[room], own[room])
            assert sums.loss == expected.loss
            assert np.array_equal(sums.dw, expected.dw)
            assert np.array_equal(sums.db, expected.db)


SHAPES = [(1, 1, 3), (9, 17, 5), (65, 2, 8)]
if not WITHOUT_JIT:
    SHAPES += [(1000, 54, 7), (391, 129, 20), (1000, 3000, 3), (5000, 12, 4)]


@pytest.mark.parametrize("order", ["example-major", "feature-major"])
@pytest.mark.parametrize(("m", "n_x", "K"), SHAPES)
def test_each_model_has_the_bits_that_it_has_alone(m, n_x, K, order, monkeypatch):
    monkeypatch.setattr(many, "SECONDS_PER_THREAD", 1e-30)
    X = laid_out(np.random.default_rng(m).normal(size=(m, n_x)), order)
    case = Case(X, K)
    for n in THREADS:
        assert_same(case, n_threads=n)
    assert_same(case, (3,), (1,))
    assert_same(case, (2, 1), (0, 3))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", IN_PLACE + CONVERTED)
def test_of_every_dtype_and_order(dtype, order):
    by_example = values(np.random.default_rng(1), dtype, (21 if WITHOUT_JIT else 301, 19))
    X = laid_out(by_example, order)
    size = 1.0 + np.abs(by_example.astype(np.float64)).max()
    assert_same(Case(DesignMatrix(X, np.full(19, 1.0 / size), np.zeros(19))))


@pytest.mark.parametrize("form", ["csr", "csc", "blocks"])
def test_of_a_sparse_x_and_of_blocks(form, monkeypatch):
    monkeypatch.setattr(many, "SECONDS_PER_THREAD", 1e-30)
    m, n_x = (40, 9) if WITHOUT_JIT else (700, 60)
    rows = np.random.default_rng(2).integers(0, 9, (m, n_x)) * 1.0
    rows *= np.random.default_rng(3).random((m, n_x)) < 0.2
    X = {
        "csr": lambda: scipy.sparse.csr_array(rows).T,
        "csc": lambda: scipy.sparse.csc_array(rows).T,
        "blocks": lambda: flr.RowBlocks([rows[: m // 3], rows[m // 3 :]]),
    }[form]()
    for n in THREADS:
        assert_same(Case(X, 5), n_threads=n)


def test_they_agree_with_numpy_part_by_part():
    rows = np.random.default_rng(4).normal(size=(150, 6))
    case = Case(flr.RowBlocks([rows[:70], rows[70:]]))
    for products in (False, True):
        ours, z = case.together([0, 1, 3], [0, 1, 2], products)
        theirs, other = case.together([0, 1, 3], [0, 1, 2], products, by=reference)
        assert_close([z], [other])
        for one, two in zip(ours, theirs):
            assert_close(one, two)


def test_z_need_not_be_kept():
    case = Case(np.random.default_rng(5).normal(size=(7, 90)))
    models = Models(case.designs, case.W, case.b, case.weights, np.arange(4, dtype=np.int32))
    nowhere = case.z[:0], np.zeros(4, np.int64)
    kept, _ = case.together([0, 1, 2, 3], [0, 1, 2, 3])
    for by in (many, reference):
        given = {} if by is reference else {"n_threads": 1}
        for one, two in zip(by.model_sums(models, case.labels, *nowhere, **given), kept):
            assert_close(one, two)


def test_squares_and_rows_are_those_of_each_design():
    rows = np.random.default_rng(6).normal(size=(300, 5))
    case, backend = Case(flr.RowBlocks([rows[:101], rows[101:]])), backend_of("fused", 2)
    found = several_models.squares(backend, case.designs, case.weights[:4])
    for design, mass, squares in zip(case.designs, case.weights, found):
        assert np.array_equal(squares, backend.squares(design, mass))
    chosen = [np.array([3, 7, 200]), np.array([0, 7]), np.arange(0, 300, 50), np.array([299])]
    for design, some, taken in zip(case.designs, chosen, several_models.rows(case.designs, chosen)):
        own = design.rows(some)
        assert np.array_equal(taken.X, own.X)
        assert np.array_equal(taken.scale, own.scale)
        assert np.array_equal(taken.shift, own.shift)
