"""A full disk leaves the old file and nothing else, and one clear line; a file that changes or goes
while it is read gives an error and no data."""

from __future__ import annotations

import builtins
import errno
import io
import os
import subprocess
import sys

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastlogreg import files
from fastlogreg.cli import app
from fastlogreg.files import arrays, read_data, writing
from fastlogreg.files.writing import atomic_open
from fastlogreg.models.model import Model

X = np.arange(12.0).reshape(4, 3) / 8
Y = np.array([0, 1, 1, 0])
WIDE = Model(np.ones((50_000, 1)), 0.0)  # 400 KB


def filled(folder):
    (folder / "data").mkdir()
    np.savez(folder / "data" / "d.npz", x=X.repeat(100, 0), y=Y.repeat(100))
    Model(np.ones((3, 1)), 0.5).save(folder / "data" / "m.npz")
    (folder / "out").mkdir()
    return folder / "data"


@pytest.fixture
def data(tmp_path):
    """A folder of its own, so that what is written beside can be listed."""
    return filled(tmp_path)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """What the commands compile is there and kept: a full disk would be told of that too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(filled(tmp_path_factory.mktemp("compiled")))
        for what, command in COMMANDS.items():
            assert app.run([*command, f"../out/{NAMES.get(what, 'f')}"]) == 0


# ---------------------------------------------------------------- a full disk


class FullDisk(io.FileIO):
    """Takes `room` bytes."""

    room = 100

    def write(self, content):
        if self.tell() + len(content) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(content)


def no_room(room):
    """At which of its steps writing fails: after that many bytes, at fsync, or at the rename."""

    def install(monkeypatch):
        def fail(*_, **__):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        if isinstance(room, str):
            monkeypatch.setattr(os, room, fail)
            return
        monkeypatch.setattr(FullDisk, "room", room)

        def opened(path, mode="r", **how):
            return (
                io.BufferedWriter(FullDisk(path, "x"))
                if mode == "xb"
                else builtins.open(path, mode, **how)
            )

        monkeypatch.setattr(writing, "open", opened, raising=False)

    return install


ROOMS = {
    "no byte": no_room(0),
    "100 bytes": no_room(100),
    "fsync": no_room("fsync"),
    "rename": no_room("replace"),
}
COMMANDS = {
    "model": ("train", "d.npz", "--backend", "numpy", "--iterations", "2", "--out"),
    "figure": ("train", "d.npz", "--backend", "numpy", "--iterations", "2", "--plot"),
    "predictions": ("predict", "m.npz", "d.npz", "--out"),
}
NAMES = {"figure": "f.png", "predictions": "f.csv"}


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("what", COMMANDS)
def test_a_full_disk_leaves_the_old_file_and_one_line(what, room, old, data, monkeypatch, capsys):
    out = data.parent / "out" / NAMES.get(what, "f")
    if old:
        out.write_bytes(b"old")
    ROOMS[room](monkeypatch)
    monkeypatch.chdir(data)
    assert app.run([*COMMANDS[what], str(out)]) == 2
    assert capsys.readouterr().err == f"error: {out}: No space left on device\n"
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == (
        {out.name: b"old"} if old else {}
    )


@pytest.mark.parametrize("room", ROOMS)
def test_a_model_that_cannot_be_saved(room, tmp_path, monkeypatch):
    WIDE.save(tmp_path / "m.npz")
    with monkeypatch.context() as patch:
        ROOMS[room](patch)
        with pytest.raises(OSError, match=r"No space left on device: '.*m\.npz'$"):
            Model(np.zeros((3, 1)), 0.0).save(tmp_path / "m.npz")
    assert Model.load(tmp_path / "m.npz").w.shape == (50_000, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["m.npz"]


def test_the_full_disk_of_these_tests_has_room_enough(tmp_path, monkeypatch):
    no_room(10)(monkeypatch)
    with atomic_open(tmp_path / "f") as file:
        file.write(b"new")
    assert (tmp_path / "f").read_bytes() == b"new"


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 64 KiB, where this user may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mounting, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip(
            "mounting a small file system needs root; the failing file above is tested anyway"
        )
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(small_disk, data, capsys):
    small = Model(np.ones((3, 1)), 2.0)
    small.save(small_disk / "m.npz")
    with pytest.raises(OSError, match=r"No space left on device: '.*m\.npz'$"):
        WIDE.save(small_disk / "m.npz")
    assert Model.load(small_disk / "m.npz").b == 2.0
    np.savez(data / "long.npz", x=X.repeat(1000, 0))
    assert (
        app.run(
            [
                "predict",
                str(data / "m.npz"),
                str(data / "long.npz"),
                "--out",
                str(small_disk / "p.csv"),
            ]
        )
        == 2
    )
    assert capsys.readouterr().err == f"error: {small_disk / 'p.csv'}: No space left on device\n"
    assert [path.name for path in small_disk.iterdir()] == ["m.npz"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux's")
def test_standard_output_that_is_full(data):
    command = [
        sys.executable,
        "-m",
        "fastlogreg",
        "predict",
        str(data / "m.npz"),
        str(data / "d.npz"),
    ]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "error: No space left on device\n")


# ---------------------------------------------------------------- a file that changes while it is
# read


def h5(path):
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = X.repeat(1000, 0), Y.repeat(1000)


MAKE = {
    "f.h5": h5,
    "f.npz": lambda path: np.savez(path, x=X.repeat(1000, 0), y=Y.repeat(1000)),
    "f.csv": lambda path: path.write_text("a,b\n" + "1,2\n" * 50_000),
    "f.parquet": lambda path: pq.write_table(pa.table({"a": X.ravel(), "b": X.ravel()}), path),
    "f.libsvm": lambda path: path.write_text("1 1:2\n0 2:1\n" * 100),
    "f.npy": lambda path: np.save(path, X),
}


def meanwhile(monkeypatch, module, name, happens):
    """happens() just before what is so named is called."""
    original = getattr(module, name)

    def called(*arguments, **named):
        happens()
        return original(*arguments, **named)

    monkeypatch.setattr(module, name, called)


def read(path):
    return read_data(path, target=-1 if path.suffix in (".csv", ".parquet") else None)


@pytest.mark.parametrize("name", MAKE)
def test_a_file_that_is_gone_when_it_is_opened(name, tmp_path, monkeypatch):
    MAKE[name](tmp_path / name)
    meanwhile(monkeypatch, files, "_read", (tmp_path / name).unlink)
    with pytest.raises(FileNotFoundError, match=rf"{name}: no such file$"):
        read(tmp_path / name)


@pytest.mark.parametrize("change", ["shrinks", "grows", "is replaced"])
@pytest.mark.parametrize("name", MAKE)
def test_a_file_that_changes_while_it_is_read(name, change, tmp_path, monkeypatch):
    path = tmp_path / name
    MAKE[name](path)
    kept = tmp_path / "kept"
    kept.write_bytes(path.read_bytes())
    changes = {
        "shrinks": lambda: os.truncate(path, path.stat().st_size - 1),
        "grows": lambda: os.truncate(path, path.stat().st_size + 1),
        "is replaced": lambda: kept.replace(path),
    }
    original = files._read

    def changed_after(*arguments):
        data = original(*arguments)
        changes[change]()
        return data

    assert read(path).X.size
    monkeypatch.setattr(files, "_read", changed_after)
    with pytest.raises(ValueError, match=rf"{name} was changed while it was read"):
        read(path)


@pytest.mark.parametrize("name", ["f.h5", "f.npz"])
def test_a_file_that_shrinks_between_its_header_and_its_data(name, tmp_path, monkeypatch):
    """HDF5 gives zeros for what lies behind the end."""
    path = tmp_path / name
    MAKE[name](path)
    meanwhile(monkeypatch, arrays, "_choose", lambda: os.truncate(path, path.stat().st_size // 2))
    with pytest.raises(ValueError, match=rf"{name} (was changed while|cannot be read as)"):
        read(path)


def test_what_is_no_regular_file_is_not_replaced(tmp_path, data, capsys):
    """/dev/null, say, by root."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is not a regular file"):
        WIDE.save(tmp_path / "pipe")
    assert (
        app.run(
            ["predict", str(data / "m.npz"), str(data / "d.npz"), "--out", str(tmp_path / "pipe")]
        )
        == 2
    )
    assert "pipe: it is not a regular file" in capsys.readouterr().err
    assert (tmp_path / "pipe").is_fifo()


def test_a_temporary_file_that_stays_would_be_seen(tmp_path, monkeypatch):
    no_room(0)(monkeypatch)
    monkeypatch.setattr(writing.Path, "unlink", lambda *_, **__: None)
    with pytest.raises(OSError, match="No space left"):
        WIDE.save(tmp_path / "m.npz")
    assert [path.suffix for path in tmp_path.iterdir()] == [".tmp"]
