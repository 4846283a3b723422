"""The full fit and its folds of several classes side by side: each is what it is alone, and X is
read for all of them together."""

from __future__ import annotations

import itertools
import weakref

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.data.inputs import design_of
from fastlogreg.objective import shared_models
from fastlogreg.objective.softmax import SoftmaxObjective
from fastlogreg.solvers import auto, compiled_classes
from fastlogreg.solvers.in_step import drive_in_step
from fastlogreg.training import class_paths
from fastlogreg.training.class_paths import ClassWays, folds_of_classes, follow_classes
from tests.helpers.comparison import WITHOUT_JIT

K, FOLDS = 4, 4
LAMBDAS = np.array([3.0, 100.0, 0.1])


def example(m=600, n_x=7, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((m, n_x)) * 10.0 ** rng.uniform(-1, 1, n_x) + 1.0
    rows = np.clip(np.round(5.0 * rows), 0, 255)
    Z = rows @ rng.standard_normal((n_x, K)) / rows.std(axis=0).max()
    return rows, (Z + rng.gumbel(size=Z.shape)).argmax(axis=1).astype(np.int32)


def splits(m, folds=FOLDS):
    of = np.arange(m) % folds
    return [(np.flatnonzero(of != f), np.flatnonzero(of == f)) for f in range(folds)]


@pytest.fixture(params=["newton", "sample", "factors", "lbfgs"])
def way(request, monkeypatch):
    """One of the ways of solver "auto", and no fit compiled whole."""
    take(request.param, monkeypatch)
    return request.param


def take(way, monkeypatch):
    monkeypatch.setattr(compiled_classes, "MOST_NUMBERS", 0)
    monkeypatch.setattr(auto, "LEAST_ROWS", 240)
    monkeypatch.setattr(auto, "ROWS_PER_FEATURE", 2)
    if way != "newton":
        monkeypatch.setattr(auto, "SMALL", 0.0)
        monkeypatch.setattr(auto, "WORTH", np.inf if way == "sample" else 0.0)
    if way == "lbfgs":
        monkeypatch.setattr(auto, "PATIENCE", 10_000)
        monkeypatch.setattr(auto, "SHARED_READS", 0.0)


def form_of(rows, form):
    from scipy import sparse

    third = len(rows) // 3
    return {
        "by example": lambda: rows.T,
        "by feature": lambda: np.ascontiguousarray(rows.T),
        "uint8": lambda: rows.astype(np.uint8).T,
        "float32": lambda: rows.astype(np.float32).T,
        "csr": lambda: sparse.csr_array(rows).T,
        "csc": lambda: sparse.csc_array(rows).T,
        "blocks": lambda: flr.RowBlocks([rows[:third], rows[third : 2 * third], rows[2 * third :]]),
    }[form]()


def ways_for(X, labels, weight=None, factors=None, **options):
    weight = np.empty(0) if weight is None else weight
    factors = np.ones(K) if factors is None else factors
    return ClassWays(design_of(X), labels, K, weight, factors, **options)


def follow(ways, monkeypatch, at_once, those=None, said=None):
    """Follow so many fits at a time; those: the splits."""
    with monkeypatch.context() as patch:
        honest = class_paths.fits_at_once
        patch.setattr(class_paths, "fits_at_once", lambda lead: min(at_once, honest(lead)))
        folds = folds_of_classes(ways, those or splits(len(ways.labels)), range(K))
        return follow_classes(ways, folds, LAMBDAS, 1e-10, 1000, said)


def assert_same(found, expected):
    """Bit for bit; uncompiled, where a sum of all weights 1 is another text, nearly."""
    for one, other in zip(itertools.chain(*found), itertools.chain(*expected)):
        assert one.w.shape == other.w.shape
        if WITHOUT_JIT:
            np.testing.assert_allclose(one.w, other.w, rtol=1e-9, atol=1e-9)
            assert one.cost == pytest.approx(other.cost, rel=1e-12)
            assert one.held == pytest.approx(other.held, rel=1e-9, nan_ok=True)
            continue
        for a, b in zip(one, other):
            np.testing.assert_array_equal(a, b)


FORMS = ["by example", "by feature", "uint8", "float32", "csr", "csc", "blocks"]


@pytest.mark.parametrize("form", FORMS)
def test_side_by_side_they_are_what_they_are_alone(way, form, monkeypatch):
    rows, labels = example()
    ways = ways_for(form_of(rows, form), labels)
    alone, together = (follow(ways, monkeypatch, count) for count in (1, 99))
    assert_same(together.fits, alone.fits)
    if way != "newton":  # its Hessians of a small X are each fit's own
        assert together.reads < (0.45 if way == "lbfgs" else 0.35) * alone.reads
    assert all(fit.reached for at in together.fits for fit in at)


@pytest.mark.parametrize("weighed", ["weights", "classes", "both"])
@pytest.mark.parametrize("standardize", [False, True])
def test_with_weights_and_standardised(weighed, standardize, monkeypatch):
    take("sample", monkeypatch)
    rows, labels = example()
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 3, len(labels)).astype(float) if weighed != "classes" else None
    factors = np.linspace(0.5, 2.0, K) if weighed != "weights" else None
    ways = ways_for(rows.T, labels, weight, factors, standardize=standardize)
    alone, together = (follow(ways, monkeypatch, count) for count in (1, 99))
    assert_same(together.fits, alone.fits)
    assert together.reads < alone.reads / 2


def test_any_splits_will_do(monkeypatch):
    take("factors", monkeypatch)
    rows, labels = example()
    rng = np.random.default_rng(2)
    those = [(rng.integers(0, 600, 700), rng.integers(0, 600, 100)) for _ in range(3)]
    ways = ways_for(rows.T, labels, intercept=False)
    alone, together = (follow(ways, monkeypatch, count, those) for count in (1, 99))
    assert_same(together.fits, alone.fits)


def test_the_number_of_threads_changes_nothing(way, monkeypatch):
    rows, labels = example(m=900)
    found = [follow(ways_for(rows.T, labels, n_threads=n), monkeypatch, 99) for n in (1, 2, 3, 7)]
    for other in found[1:]:
        assert_same(other.fits, found[0].fits)
        assert other.reads == found[0].reads


def test_as_many_go_together_as_memory_is_promised_for(monkeypatch):
    take("factors", monkeypatch)
    rows, labels = example()
    ways = ways_for(rows.T, labels)
    seen, made = [], []
    honest = shared_models.RoomsForZ

    def rooms(*size):
        assert all(each() is None for each in made)  # those before are gone, at once
        seen.append(size)
        new = honest(*size)
        made.append(weakref.ref(new))
        return new

    monkeypatch.setattr(shared_models, "RoomsForZ", rooms)
    one = 8 * 600 * (3 * K + 1)
    monkeypatch.setattr(class_paths, "ROOM", 2 * one + 1)
    folds = folds_of_classes(ways, splits(600), range(K))
    by_two = follow_classes(ways, folds, LAMBDAS, 1e-10, 1000)
    assert seen == [(6, K, 600), (6, K, 600)]  # the fifth goes alone
    monkeypatch.setattr(class_paths, "ROOM", one)
    alone = follow_classes(ways, folds, LAMBDAS, 1e-10, 1000)
    assert len(seen) == 2
    assert_same(by_two.fits, alone.fits)
    assert by_two.reads < alone.reads
    monkeypatch.setattr(class_paths, "SHARE", 2.0 * one / ways.design.nbytes)
    follow_classes(ways, folds, LAMBDAS, 1e-10, 1000)
    assert len(seen) == 4


@pytest.mark.parametrize(("form", "looked_up"), [("uint8", 7), ("csr", 7), ("csc", 600)])
def test_what_a_read_looks_up_stays_in_a_cache(form, looked_up, monkeypatch):
    take("factors", monkeypatch)
    rows, labels = example()
    lead = class_paths.ClassFollower(ways_for(form_of(rows, form), labels), None, 1e-10, 10)
    monkeypatch.setattr(class_paths, "NEAR", 3 * K * looked_up + 1)
    assert class_paths.fits_at_once(lead) == 3
    monkeypatch.setattr(class_paths, "NEAR", 1)
    assert class_paths.fits_at_once(lead) == 1
    blocks = ways_for(form_of(rows, "blocks"), labels)
    assert class_paths.fits_at_once(class_paths.ClassFollower(blocks, None, 1e-10, 10)) > FOLDS


def test_a_small_x_is_fitted_whole(monkeypatch):
    """There nothing is shared: one compiled call follows the other."""
    rows, labels = example()
    ways = ways_for(rows.T, labels)
    monkeypatch.setattr(compiled_classes, "are_compiled", lambda: True)
    assert class_paths.fits_at_once(class_paths.ClassFollower(ways, None, 1e-10, 10)) == 1
    monkeypatch.setattr(compiled_classes, "MOST_NUMBERS", 0)
    assert class_paths.fits_at_once(class_paths.ClassFollower(ways, None, 1e-10, 10)) > FOLDS


class Counted:
    """Blocks of rows, which count how often each was read."""

    def __init__(self, rows, count=5):
        self.blocks = np.array_split(rows, count)
        self.reads = 0

    def __len__(self):
        return len(self.blocks)

    def __getitem__(self, k):
        self.reads += k == 0
        return self.blocks[k]


@pytest.mark.parametrize("way", ["sample", "factors"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_file_is_read_a_fraction_as_often(way, weighted, monkeypatch):
    """What a look at some rows costs is counted here too."""
    take(way, monkeypatch)
    rows, labels = example(m=900)
    weight = np.random.default_rng(3).random(900) if weighted else None
    really, told = [], []
    for count in (1, 99):
        source = Counted(rows)
        ways = ways_for(flr.RowBlocks(source), labels, weight)
        before = source.reads
        found = follow(ways, monkeypatch, count)
        really.append(source.reads - before)
        told.append(found.reads)
    assert told[1] < told[0] / 3
    assert really[1] < really[0] / 3


def test_progress_counts_fits(monkeypatch):
    take("factors", monkeypatch)
    rows, labels = example()
    seen = []
    follow(ways_for(rows.T, labels), monkeypatch, 99, said=seen.append)
    assert seen == list(range(1, 1 + len(LAMBDAS) * (1 + FOLDS)))


# ---------------------------------------------------------------- the parts


def test_rooms_come_back_when_nothing_refers_to_them():
    rooms = shared_models.RoomsForZ(2, 3, 5)
    one, other = rooms.take(), rooms.take()
    assert {rooms.number(one), rooms.number(other)} == {0, 1}
    assert len(rooms) == 0
    del one
    assert len(rooms) == 1
    assert rooms.number(other[:, :2]) is None
    assert rooms.number(np.zeros((3, 5))) is None
    again = rooms.take()
    assert rooms.number(again) != rooms.number(other)


def test_without_a_room_a_model_reads_alone():
    rows, labels = example(m=60)
    objectives = [SoftmaxObjective(design_of(rows.T), labels, K, 1.0) for _ in range(2)]
    shared = shared_models.SharedModels(objectives[0], np.ones((1, 60)))
    models = [shared_models.Model(objective, 0) for objective in objectives]
    kept = [shared.rooms.take() for _ in range(2)]
    theta = np.linspace(-1e-3, 1e-3, objectives[0].size)
    one, two = shared.points(models, [theta, theta])
    assert (shared.passes, objectives[0].passes, objectives[1].passes) == (1, 0, 1)
    assert pytest.approx(two.evaluation.J, rel=1e-12) == one.evaluation.J
    np.testing.assert_allclose(one.z, two.z)
    assert len(kept) == 2


def test_those_who_ask_for_the_same_are_answered_together():
    """Each waits until it is of the kind that most ask for."""
    log = []

    class Asked:
        """Answers requests "a" and "b" together, and all others alone."""

        def answer(self, request):
            return request

        def gathering(self, request):
            return {"a": a, "b": b}.get(request)

    def a(asked):
        log.append(("a", len(asked)))
        return ["A"] * len(asked)

    def b(asked):
        log.append(("b", len(asked)))
        return ["B"] * len(asked)

    def asks(text):
        for request in text:
            answer = yield request
            assert answer == {"a": "A", "b": "B"}.get(request, request)

    drive_in_step(*((Asked(), asks(text)) for text in ("aab", "xaaxb", "ab", "")))
    assert log == [("a", 3), ("a", 2), ("b", 3)]
