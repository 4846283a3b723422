"""The file of a checkpoint: never a part of one, whatever kills the process or fills the disk; and
what is not one is refused with a ValueError and left alone."""

from __future__ import annotations

import json
import os
import resource
import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.files.writing import atomic_open
from fastlogreg.models.model import Model
from fastlogreg.solvers.result import TrainingWarning
from fastlogreg.training import checkpoint

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)).T
Y = (X[:1] + rng.normal(size=(1, 60)) > 0).astype(np.uint8)


def train(path, iterations=3, solver="lbfgs", **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "not converged", TrainingWarning)
        return flr.train(
            X,
            Y,
            solver=solver,
            tol=0.0,
            iterations=iterations,
            lambda_=1.0,
            checkpoint=path,
            **options,
        )


def contents(saved):
    values = {
        name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in saved.values.items()
    }
    return repr((saved.run, saved.version, values))


# ---------------------------------------------------------------- on the disk


def test_a_leftover_of_a_process_of_the_same_id_is_in_nobodys_way(tmp_path):
    for name in (f"run.{os.getpid()}.tmp", f"run.{os.getpid()}.00000000.tmp"):
        (tmp_path / name).touch()
    with atomic_open(tmp_path / "run") as file:
        file.write(b"x")
    assert (tmp_path / "run").read_bytes() == b"x"


def test_the_folder_is_synchronised_after_the_rename(tmp_path, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace

    def noted(descriptor):
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        fsync(descriptor)

    def moved(old, new):  # a kernel that is compiled meanwhile is moved into its cache as well
        if os.path.dirname(new) == str(tmp_path):
            done.append("rename")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(os, "replace", moved)
    train(tmp_path / "run")
    assert done == ["file", "rename", "folder"]


# ---------------------------------------------------------------- a full disk


@contextmanager
def full_disk(size):
    """No file of this process grows beyond so many bytes: OSError in the middle of a write, as of a
    full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 1, 1000, 4096])
def test_a_full_disk_leaves_the_old_checkpoint_and_the_result(size, tmp_path):
    path = tmp_path / "run"
    train(path)
    content = path.read_bytes()
    assert len(content) > 4096
    with (
        full_disk(size),
        pytest.warns(
            TrainingWarning, match=r"run was not written after 5 iterations.*File too large"
        ),
    ):
        result = train(path, 5, resume=True)
    assert result.iterations == 5
    assert (path.read_bytes(), [p.name for p in tmp_path.iterdir()]) == (content, ["run"])
    train(path, 5, resume=True)
    assert checkpoint.load(path).values["iteration"] == 5


def test_a_disk_that_is_full_for_a_while_does_not_end_the_run(tmp_path):
    path, seen = tmp_path / "run", []

    def callback(progress):
        seen.append(progress)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000 if len(seen) < 4 else soft, hard))

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.warns(TrainingWarning, match="training goes on") as caught:
        result = flr.train(
            X,
            Y,
            iterations=40,
            backend="numpy",
            callback=callback,
            checkpoint=path,
            checkpoint_every=0,
        )
    assert result.iterations == checkpoint.load(path).values["iteration"] == 40
    assert 1 <= len([w for w in caught if "not written" in str(w.message)]) <= 3
    assert all(w.filename == __file__ for w in caught)


@pytest.mark.parametrize("size", [0, 100, 1000])
def test_a_full_disk_leaves_the_old_model(size, tmp_path):
    path = tmp_path / "model"
    Model(np.ones((200, 1)), 1.0).save(path)
    with full_disk(size), pytest.raises(OSError, match="File too large"):
        Model(np.ones((200, 1)), 2.0).save(path)
    assert Model.load(path).b == 1.0
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


# ---------------------------------------------------------------- what is not a checkpoint


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "run"
    train(path)
    return path.read_bytes()


def refused(path, content):
    """That it is, by load and by train, and left alone."""
    path.write_bytes(content)
    with pytest.raises(
        ValueError,
        match=r"cannot be read as \.npz|is damaged|not a fastlogreg checkpoint|not a checkpoint",
    ):
        checkpoint.load(path)
    for resume in (True, False):
        with pytest.raises(
            ValueError, match="names a file that is no checkpoint, and it is left as it is"
        ):
            train(path, resume=resume)
    assert path.read_bytes() == content


def test_truncated_anywhere(good, tmp_path):
    for size in (*range(0, len(good), 97), len(good) - 1):
        refused(tmp_path / "run", good[:size])


def test_a_hidden_array_is_missed(good, tmp_path):
    """The length of a comment in the zip file's directory can make the next entry a part of it."""
    at = (
        good.rindex(b"mean.npy", 0, good.rindex(b"PK\x05\x06")) - 46
    )  # the entry of an array that not every run has
    before = good.rindex(b"PK\x01\x02", 0, at)
    content = bytearray(good)
    content[before + 32] = 46 + len("mean.npy")
    refused(tmp_path / "run", bytes(content))


@settings(max_examples=200)
@given(data=st.data())
def test_mutated_anywhere(good, tmp_path_factory, data):
    """Refused, or where no byte was hit that means something, read as it was."""
    content = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(good)
    expected = contents(checkpoint.load(path))
    path.write_bytes(content)
    try:
        found = checkpoint.load(path)
    except ValueError:
        refused(path, bytes(content))
    else:
        assert contents(found) == expected


def rewritten(good, path, numbers=None, metadata=None, raw=None, **arrays):
    """The good file with some parts changed, and numbers left out; raw: in place of its JSON
    text."""
    path.write_bytes(good)
    with np.load(path) as archive:
        parts = {**archive, **arrays}
    text = json.loads(str(parts.pop("metadata")))
    text["arrays"] = sorted(parts)
    text["numbers"] = {
        k: v for k, v in {**text["numbers"], **(numbers or {})}.items() if v != "left out"
    }
    text.update(metadata or {})
    del text["digest"]
    text["digest"] = checkpoint.digest(text, parts)
    np.savez(
        path.with_suffix(".npz"),
        metadata=np.array(json.dumps(text)) if raw is None else raw,
        **parts,
    )
    return path.with_suffix(".npz").read_bytes()


def test_the_helper_of_the_next_test_writes_good_files(good, tmp_path):
    (tmp_path / "run").write_bytes(rewritten(good, tmp_path / "x"))
    assert checkpoint.load(tmp_path / "run").values["iteration"] == 3


FOREIGN = {
    "another schema": {"metadata": {"format": "fastlogreg checkpoint 1"}},
    "a model": {"metadata": {"format": "fastlogreg model 1"}},
    "run is a list": {"metadata": {"run": [1, 2]}},
    "other solver": {"metadata": {"run": {"solver": "newton"}}},
    "n_x is text": {"metadata": {"n_x": "many"}},
    "n_x": {"metadata": {"n_x": 5}},
    "no JSON": {"raw": np.array("hello")},
    "JSON list": {"raw": np.array("[]")},
    "nested JSON": {"raw": np.array("[" * 100_000)},
    "numbers as metadata": {"raw": np.arange(3)},
    "theta of rank 2": {"theta": np.zeros((5, 1))},
    "theta of float32": {"theta": np.zeros(5, np.float32)},
    "theta of big-endian": {"theta": np.zeros(5, ">f8")},
    "theta is text": {"theta": np.array(["a"] * 5)},
    "costs": {"costs": np.zeros(2)},
    "history": {"history": np.zeros((3, 5))},
    "pairs": {"s": np.zeros((9, 5))},
    "an array more": {"evil": np.zeros(3)},
    "an array of another solver": {"v": np.zeros(5)},
    "no method": {"numbers": {"method": "left out"}},
    "unknown method": {"numbers": {"method": "bisection"}},
    "method is a number": {"numbers": {"method": 3}},
    "no method at all": {"numbers": {"method": ""}},
    "auto of nothing": {"numbers": {"method": "auto"}},
    "iteration": {"numbers": {"iteration": 3.0}},
    "iteration below 0": {"numbers": {"iteration": -1}},
    "iteration is huge": {"numbers": {"iteration": 10**30}},
    "cost is null": {"numbers": {"cost": None}},
    "cost is missing": {"numbers": {"cost": "left out"}},
    "stop": {"numbers": {"stop": "tired"}},
    "evaluated": {"numbers": {"evaluated": 1}},
    "a number more": {"numbers": {"evil": 1.0}},
    "gradient alone": {"numbers": {"curvature": "left out"}},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_whole_files_with_other_contents(name, good, tmp_path):
    refused(tmp_path / "run", rewritten(good, tmp_path / "x", **FOREIGN[name]))


@pytest.mark.parametrize("part", ["theta", "best_cost"])
def test_what_was_changed_and_packed_again(part, good, tmp_path):
    """Its checksums are right, and so is its form: only the digest tells, before a wrong result
    does."""
    path = tmp_path / "run"
    path.write_bytes(good)
    with np.load(path) as archive:
        parts = dict(archive)
    text = json.loads(str(parts["metadata"]))
    if part == "theta":
        parts["theta"][0] += 1.0
    else:
        text["numbers"][part] /= 2
    parts["metadata"] = np.array(json.dumps(text))
    np.savez(tmp_path / "x.npz", **parts)
    refused(path, (tmp_path / "x.npz").read_bytes())


def test_no_method_where_all_other_names_are_right(tmp_path):
    train(tmp_path / "run", solver="gd")
    content = (tmp_path / "run").read_bytes()
    refused(tmp_path / "run", rewritten(content, tmp_path / "x", numbers={"method": ""}))


def test_foreign_files(good, tmp_path):
    path = tmp_path / "run"
    Model(np.ones((3, 1)), 0.0).save(path)
    refused(path, path.read_bytes())
    for arrays in ({"x": X, "y": Y}, {"metadata": np.array("{}")}, {}):
        np.savez(tmp_path / "f.npz", **arrays)
        refused(path, (tmp_path / "f.npz").read_bytes())
    for content in (b"", b"hello", b"PK\x03\x04", bytes(1000)):
        refused(path, content)
    with pytest.raises(FileNotFoundError, match="no such checkpoint"):
        checkpoint.load(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"cannot be read as \.npz"):
        checkpoint.load(tmp_path)


def test_nothing_is_unpickled(good, tmp_path):
    refused(tmp_path / "run", rewritten(good, tmp_path / "x", w=np.array([print] * 4, object)))
    refused(tmp_path / "run", rewritten(good, tmp_path / "x", raw=np.array([{}], object)))
