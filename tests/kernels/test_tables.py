"""What is asked for ahead: no choice of the tuner changes a bit of a result."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.data import dense
from fastlogreg.data.tuning import Tuning
from fastlogreg.kernels import probing
from fastlogreg.kernels.layout import read_only
from fastlogreg.kernels.tables import TABLES, Asking, Table, known_table
from tests.helpers.comparison import IN_PLACE, WITHOUT_JIT, laid_out, values

EVERY_WAY = (*probing.LONG_WAYS, Asking(1, 0, 0), Asking(2, 0, 0), Asking(1, 1 << 30, 1 << 30))
EVERY_TABLE = {
    **TABLES,
    **{f"{way}": Table(way.level, way, way, way) for way in EVERY_WAY},
}
# By sixteen, short and longer; by eight; by four or slabs; strips; blocks; bytes as integers.
SHAPES = [(33, 12), (70, 30), (70, 41), (9, 100), (20, 4), (5, 9)]
if not WITHOUT_JIT:
    SHAPES += [(600, 500), (9, 4096), (3000, 9)]


@pytest.mark.parametrize("order", ["example-major", "feature-major"])
@pytest.mark.parametrize("dtype", IN_PLACE if WITHOUT_JIT else ("float64", "float32", "uint8"))
def test_every_table_gives_the_same_bits(dtype, order, monkeypatch):
    rng = np.random.default_rng(7)
    for m, n_x in SHAPES:
        X, Y = laid_out(values(rng, dtype, (m, n_x)), order), (np.arange(m) % 2)[None]
        w, found = rng.normal(size=(n_x, 1)) / (1.0 + np.abs(X.astype(float)).max()), set()
        for table in EVERY_TABLE.values():
            for last_level in (0, 1 << 40):  # X comes from memory, or from the cache
                monkeypatch.setattr(dense, "tuning", lambda table=table: Tuning(table, "a test"))
                monkeypatch.setattr(dense, "last_level_cache", lambda size=last_level: size)
                cost, dw, db = flr.propagate(w, 0.2, X, Y, scale=0.5, n_threads=2)
                found.add((cost, dw.tobytes(), db))
        assert len(found) == 1, (m, n_x)


def test_every_table_gives_the_same_training(monkeypatch):
    rng = np.random.default_rng(8)
    X, Y = rng.normal(size=(12, 300)), rng.integers(0, 2, (1, 300))
    found = set()
    for name in TABLES:
        monkeypatch.setenv("FASTLOGREG_TUNER", name)
        run = flr.train(np.asfortranarray(X), Y, iterations=3 if WITHOUT_JIT else 30)
        found.add((run.w.tobytes(), run.b, run.costs.tobytes()))
    assert len(found) == 1


def test_which_table_is_for_which_cpu():
    assert known_table("AuthenticAMD", 32 << 10) == "zen"
    assert known_table("AuthenticAMD", 48 << 10) == "zen5"
    assert known_table("GenuineIntel", 48 << 10) == "intel"
    assert known_table("GenuineIntel", 32 << 10) is None
    assert known_table("", 128 << 10) is None


@pytest.mark.parametrize(
    ("n_x", "dtype", "fits", "expected"),
    [
        (500, "float64", True, (None, True, 4000)),  # the next eight examples
        (500, "float32", True, (None, True, 4096)),  # 16 KiB
        (500, "float64", False, (None, None, 32_768)),  # 256 KiB, into the second level
        (12_288, "float32", True, (None, True, 8192)),  # 32 KiB
        (4096, "float64", True, (True, True, 4 * 4096)),  # the next four examples
        (30, "float64", True, (None, True)),
        (12, "float64", True, (True, True)),
    ],
)
def test_what_is_asked_for(n_x, dtype, fits, expected, monkeypatch):
    monkeypatch.setattr(dense, "tuning", lambda: Tuning(TABLES["intel"], "a test"))
    monkeypatch.setattr(dense, "last_level_cache", lambda: 1 << 40 if fits else 0)
    X = np.ones((n_x, 16), dtype, order="F")
    way = dense.DesignMatrix(X, np.ones(n_x), np.zeros(n_x)).way()
    assert [given for given in (way.sixteen, way.groups) if given is not None] == [expected]


# ---------------------------------------------------------------- the probe


def test_the_probe_reads_every_number():
    rng = np.random.default_rng(9)
    x, v, out = rng.normal(size=(8, 16)), rng.normal(size=16), np.zeros(16)
    probing.read_groups(read_only(x.reshape(-1)), 16, v, None, 64, out)
    np.testing.assert_allclose(out, x.T @ (x @ v), rtol=1e-13)


def test_the_usual_way_is_kept_unless_another_is_clearly_faster(monkeypatch):
    seconds = dict(zip(probing.WAYS, (1.0, 0.98, 0.99, 2.0)))
    monkeypatch.setattr(probing, "seconds_of", lambda x, n_x, way: seconds[way])
    assert probing.best_way(np.zeros(1), 8, probing.WAYS, np.inf) == probing.WAYS[0]
    seconds[probing.WAYS[2]] = 0.9
    assert probing.best_way(np.zeros(1), 8, probing.WAYS, np.inf) == probing.WAYS[2]


def test_measuring_stops_in_time(monkeypatch):
    calls = []
    monkeypatch.setattr(probing, "seconds_of", lambda *given: calls.append(given) or 1.0)
    probing.best_way(np.zeros(1), 8, probing.WAYS, -np.inf)
    assert len(calls) == len(probing.WAYS)


@pytest.mark.parametrize("last_level", [1 << 13, 1 << 40])
def test_a_measured_table(last_level, monkeypatch):
    """Of a small last-level cache, and of one that is too large to be measured beyond."""
    monkeypatch.setattr(probing, "last_level_cache", lambda: last_level)
    monkeypatch.setattr(probing, "MOST_BYTES", 1 << 15)
    monkeypatch.setattr(probing, "LEAST_BYTES", 1 << 14)
    table = probing.measured_table(0.0)
    assert {table.cached, table.memory} <= set(probing.WAYS)
    assert table.long in probing.LONG_WAYS
    assert table.short == table.cached.level
    if last_level > 1 << 15:
        assert table.memory == table.cached
