"""Every other sum of the backend on a GPU agrees with NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from fastlogreg.backends.base import Columns
from fastlogreg.data.inputs import design_of
from fastlogreg.maths.arrays import NONE
from fastlogreg.maths.duality import Shares
from tests.cuda.simulated.problems import NUMPY, gpu, made

M, N_X, K = 23, 5, 3
NEAR = {"rtol": 1e-11, "atol": 1e-12}
pytestmark = pytest.mark.parametrize("order", ["F", "C"])


@pytest.fixture
def problem(order):
    return made(M, N_X, "float32", order)


def labels():
    return np.random.default_rng(1).integers(0, K, M).astype(np.int32)


def close(found, wanted):
    for one, other in zip(found, wanted):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), **NEAR)


def test_hessians(problem):
    design, y, s, w, b = problem
    backend = gpu()
    np.testing.assert_allclose(backend.products(design, s), NUMPY.products(design, s), **NEAR)
    z, wanted_z = np.empty(M), np.empty(M)
    found = backend.sums_with_hessian(design, y, w, b, weight=s, zs=z, begin_read=lambda: None)
    wanted = NUMPY.sums_with_hessian(
        design, y, w, b, weight=s, zs=wanted_z, begin_read=lambda: None
    )
    close(found, wanted)
    close([z], [wanted_z])
    some = np.array([0, 3])
    for slopes in (s, np.array([s, 2 * s])):
        close(
            [backend.working_products(design, some, slopes)],
            [NUMPY.working_products(design, some, slopes)],
        )
    np.testing.assert_allclose(backend.squares(design, s), NUMPY.squares(design, s), **NEAR)


def test_what_is_made_of_z(problem):
    _, y, s, _, _ = problem
    z, slope = np.random.default_rng(2).standard_normal((2, M)) * 3
    backend = gpu()
    for weight in (s, NONE):
        close(backend.terms(z, y, weight), NUMPY.terms(z, y, weight))
        close(
            backend.along_line(z, slope, y, weight, 0.7),
            NUMPY.along_line(z, slope, y, weight, 0.7),
        )
        close(
            backend.along_line(z, backend.ones(M), y, weight, 0.7),
            NUMPY.along_line(z, NUMPY.ones(M), y, weight, 0.7),
        )
        for kappa in (Shares(1.0, 0.6), Shares(0.0, 0.0)):
            for offset in (NONE, slope):
                found = backend.entropy(z, y, weight, offset, kappa)
                close([found], [NUMPY.entropy(z, y, weight, offset, kappa)])


def test_z_stays_on_the_gpu(problem):
    design, y, s, w, b = problem
    backend = gpu()
    z, other = backend.room(M), backend.room(M)
    backend.sums(design, y, w, b, weight=s, zs=z)
    backend.sums(design, y, 2 * w, b, weight=s, zs=other)
    move = other - z
    wanted = np.empty((2, M))
    NUMPY.sums(design, y, w, b, weight=s, zs=wanted[0])
    NUMPY.sums(design, y, 2 * w, b, weight=s, zs=wanted[1])
    close([z, other, move], [*wanted, wanted[1] - wanted[0]])
    assert backend.all_finite(move)
    assert backend.all_finite(z)
    slopes = backend.terms(z, y, s).slopes
    close(
        [backend.products(design, slopes)],
        [NUMPY.products(design, NUMPY.terms(wanted[0], y, s).slopes)],
    )
    backend.sums(design, y, np.full(N_X, 1e308) * np.sign(w), b, weight=s, zs=other)
    assert not backend.all_finite(other - z)


def test_several_classes(problem):
    design, _, s, _, _ = problem
    rng, own, backend = np.random.default_rng(3), labels(), gpu()
    for classes in (K, 9):
        W, b = rng.standard_normal((classes, N_X)), rng.standard_normal(classes)
        for weight in (s, NONE):
            z, wanted_z = np.empty((2, classes, M))
            found = backend.class_sums(design, own, W, b, weight=weight, zs=z)
            close(found, NUMPY.class_sums(design, own, W, b, weight=weight, zs=wanted_z))
            close([z], [wanted_z])
            close(
                backend.class_products(design, z, W, b, weight=weight),
                NUMPY.class_products(design, z, W, b, weight=weight),
            )
            close(backend.class_terms(z, own, weight), NUMPY.class_terms(z, own, weight))
            close(
                backend.class_along_line(z, W[:, :1] * z, own, weight, 0.4),
                NUMPY.class_along_line(z, W[:, :1] * z, own, weight, 0.4),
            )
            close(
                backend.class_moments(z, own, weight, b),
                NUMPY.class_moments(z, own, weight, b),
            )
    close(
        [backend.class_hessian(design, z[:K], weight=s)],
        [NUMPY.class_hessian(design, z[:K], weight=s)],
    )


@pytest.mark.parametrize("far", [1.0, 300.0, 1e5])
def test_softmax_far_from_zero(problem, far):
    design, own, backend = problem.design, labels(), gpu()
    W, b = far * np.random.default_rng(4).standard_normal((K, N_X)), np.zeros(K)
    close(backend.class_sums(design, own, W, b), NUMPY.class_sums(design, own, W, b))


def test_several_models(problem):
    design, _, s, _, _ = problem
    rng = np.random.default_rng(5)
    columns = Columns(
        rng.standard_normal((K, N_X)),
        rng.standard_normal(K),
        np.array([0, 1, 1], np.int32),
        rng.uniform(0, 1, (K, 2)),
        rng.uniform(0, 1, (K, 2)),
    )
    group, offset = rng.integers(0, 2, M).astype(np.int32), rng.standard_normal(M)
    for given in ({"weight": s, "group": group, "offset": offset}, {}):
        for name in ("column_sums", "sided_sums"):
            z, wanted_z = np.empty((2, K, M))
            found = getattr(gpu(), name)(design, labels(), columns, zs=z, **given)
            wanted = getattr(NUMPY, name)(design, labels(), columns, zs=wanted_z, **given)
            close(found, wanted)
            close([z], [wanted_z])


def test_non_zeros_alone(order):
    X = scipy.sparse.random(N_X, M, 0.4, "csc", np.float32, np.random.default_rng(6))
    X = X if order == "F" else X.tocsr()
    design = design_of(X, 1.5, 0.25)
    dense = design_of(X.toarray(), 1.5, 0.25)
    problem = made(M, N_X)
    backend = gpu()
    z, wanted_z = np.empty((2, M))
    given = problem.y, problem.w, problem.b
    close(
        backend.sums(design, *given, weight=problem.weight, zs=z),
        NUMPY.sums(dense, *given, weight=problem.weight, zs=wanted_z),
    )
    close([z], [wanted_z])
    W, b = np.random.default_rng(7).standard_normal((K, N_X)), np.arange(K) / 2
    close(backend.class_sums(design, labels(), W, b), NUMPY.class_sums(dense, labels(), W, b))
    close([backend.products(design, problem.weight)], [NUMPY.products(dense, problem.weight)])
    close([backend.squares(design, problem.weight)], [NUMPY.squares(dense, problem.weight)])
