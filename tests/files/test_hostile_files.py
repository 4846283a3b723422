"""What each hand-made hostile file gets: one clear error, or a harmless result. As if 256 MiB of
memory could be had."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from fastlogreg.files import common, read_data
from fastlogreg.machine import memory
from tests.fuzzing.readers import READERS

SHORT = "this process can get 0.25 GiB of memory"
NEVER = "Python objects, which are never unpickled"
MODEL = "not a model that this version can read: "
HOSTILE = {
    "npy": {
        "huge": "declares 8000000000000 bytes and holds 96",
        "overflow to 96 bytes": "declares the shape .9223372036854775807, -9223372036854775807",
        "negative twice": r"declares the shape \(-4, -3\)",
        "true": r"declares the shape \(True, 12\)",
        "beyond 64 bits": "bytes and holds 96",
        "minuses": "header is nested too deeply",
        "pickled": NEVER,
        "objects": NEVER,
        "an archive": "magic string is not correct",
        "long header": "header of 3221225484 bytes is longer than 10000",
        "header beyond the file": "is longer than 10000",
        "subarrays": (3, 4),
    },
    "npz": {
        "bomb": f"x.npy declares 3 GiB, and {SHORT}",
        "bomb that declares little": "Bad CRC-32",
        "declares more than inflates": "declares 96 bytes and holds 896",
        "header bomb": "is longer than 10000",
        "two members of one name": "holds more than one x.npy",
        "bomb behind the name": (3, 4),
        "path names": (3, 4),
        "pickled": NEVER,
        "encrypted": "is encrypted",
        "unknown method": "compressed in a way that NumPy does not write",
        "ten thousand members": r"it has 0 \(4, 3\), .* \(10000 in all\)$",
    },
    "h5": {
        "huge with a fill value": SHORT,
        "above the budget": f"x declares 4 GiB, and {SHORT}",
        "one huge chunk": f"a chunk of x declares 3.5 GiB, and {SHORT}",
        "longer than its chunk": "a chunk of x declares 128 bytes and stores",
        "compound": "x must be numbers or text, and has the type",
        "only references": "x must be numbers or text",
        "vlen": "x must be numbers or text",
        "external data": "lies in other files, which are not followed",
        "virtual": "lies in other files, which are not followed",
        "external link": "it has none",
        "one long label": f"y declares 15.6 GiB, and {SHORT}",
        "soft link": (3, 4),
        "labels not in UTF-8": "can't decode byte 0xff",
        "deep groups": "more than 100 groups within each other",
        "cycle": (3, 4),
    },
    "csv": {
        "columns": "199999 columns, more than 100000; store it as .parquet or .npy",
        "sixty thousand columns": f"a CSV of 60000 columns declares .*{SHORT}",
        "one long line": "a line of 4194304 characters or more",
        "hole": "a row of more than 1048576 bytes",
        "quote without end above": "field larger than field limit",
        "nan": r"nan\.csv: X must be finite; got nan in row 0",
    },
    "parquet": {
        "same value": f"the table declares .*{SHORT}",
        "same text": rf"text\.parquet: the label column declares 1.12 GiB, and {SHORT}",
        "same text in full": r"text-in-full\.parquet: the label column declares 1.12 GiB, and "
        rf"{SHORT}",
        "same names": "more than one column 'a'; give its columns different names",
        "labels in lists": "Unsupported cast from list",
        "labels in bytes": "Invalid UTF8",
        "labels in dates": (1, 2),
        "labels null": (1, 2),
        "names with dots": (2, 2),
        "footer of 2147483648": "smaller than the size reported by footer",
    },
    "libsvm": {
        "index beyond 64 bits": "line 3: '36893488147419103232:1' is no INDEX:VALUE",
        "index huge": "no INDEX:VALUE with INDEX rising from 1",
        "three parts": "line 3: '1:1:1' is no INDEX:VALUE",
    },
    "checkpoint": {
        "bomb": "names a file that is no checkpoint, and it is left as it is.*x.npy declares 3 "
        f"GiB, and {SHORT}",
        "two members of one name": "left as it is.*holds more than one x.npy",
        "pickled": f"left as it is.*{NEVER}",
        "no members": "left as it is.*not a fastlogreg checkpoint: it holds no arrays",
    },
    "blocks": {
        "no bytes": "X must hold real numbers .*; .*no-bytes.npy has dtype <U0",
        "long header": "header of 3221225484 bytes is longer than 10000",
        "overflow": f"the list of 4294967296 blocks declares 400 GiB, and {SHORT}",
        "one huge chunk": f"a chunk of x declares 3.5 GiB, and {SHORT}",
        "longer than its chunk": "a chunk of x declares 128 bytes and stores",
        "empty": r"x must have shape \(m, n_x\), neither of them 0; got \(\)",
        "soft link": "x is reached by a link to /real, which is not followed",
        "external link": "x is reached by a link to /x, which is not followed",
        "external data": "lies in other files, which are not followed",
        "virtual": "lies in other files, which are not followed",
        "one long label": f"y declares 15.6 GiB, and {SHORT}",
        "same text in full": f"the label column declares 1.12 GiB, and {SHORT}",
        "same names": "more than one column 'a'; give its columns different names",
        "rows negative": "is damaged: a row group declares -3 rows",
        "rows without end": f"the list of .* blocks declares .* GiB, and {SHORT}",
    },
    "model": {
        "deep JSON": MODEL + "maximum recursion depth",
        "metadata in numbers": MODEL
        + r"its metadata must be one text; it is float64 of shape \(300, 300\)",
        "b of a shape": MODEL + r"b must be one number; it has shape \(1, 1\)",
        "w without rows": MODEL + "w must have shape",
        "equal labels": MODEL + "labels must be of different classes; 1 is there twice",
        "labels in a text": MODEL + "labels must be a list of numbers or texts",
        "label null": MODEL + "labels must be a list",
        "names in a text": MODEL + "feature names must be a list of texts",
        "shape negative": MODEL + "image shape must be a list of whole numbers above 0",
        "shape in fractions": MODEL + "image shape must be a list of whole numbers above 0",
    },
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Each format's hostile files, by their names."""
    found = {}
    for reader in HOSTILE:
        paths = READERS[reader].hostile(tmp_path_factory.mktemp(reader))
        found[reader] = {path.stem.replace("-", " "): path for path in paths}
    return found


@pytest.mark.parametrize(
    ("reader", "name"), [(reader, name) for reader in HOSTILE for name in HOSTILE[reader]]
)
def test_hostile_files(reader, name, made, monkeypatch):
    monkeypatch.setattr(common, "available_memory", lambda: 256 << 20)
    path = {key.replace("UTF 8", "UTF-8"): value for key, value in made[reader].items()}[name]
    expected = HOSTILE[reader][name]
    if isinstance(expected, tuple):
        assert READERS[reader].read(path).X.shape == expected
        return
    with pytest.raises((ValueError, TypeError), match=expected) as caught:
        READERS[reader].read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_heap_of_texts_that_does_not_end(tmp_path):
    """HDF5 2.0 would read it for ever; a heap that is whole, and the word GCOL in the data, are no
    matter."""
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.frombuffer(b"GCOL" * 24, np.uint8).reshape(4, 24)
        file["y"] = ["no", "yes", "yes", "no"]
    assert read_data(path).y.tolist() == ["no", "yes", "yes", "no"]
    content = bytearray(path.read_bytes())
    last = (
        content.rindex(b"GCOL\1") + 16 + 4 * 24
    )  # four texts of up to 8 bytes and their headers, then what is free
    assert content[last : last + 2] == b"\0\0"
    content[last + 8 : last + 16] = bytes(8)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"heap of texts at byte .* does not add up"):
        read_data(path)


def test_text_that_is_no_character(tmp_path):
    np.savez(tmp_path / "f.npz", x=np.ones((2, 2)), y=np.array(["no", "yes"]))
    with (
        zipfile.ZipFile(tmp_path / "f.npz") as archive,
        zipfile.ZipFile(tmp_path / "g.npz", "w") as changed,
    ):
        for name in archive.namelist():
            changed.writestr(
                name, archive.read(name).replace("yes".encode("utf-32-le"), b"\xff" * 12)
            )
    with pytest.raises(ValueError, match="its text holds what is no character"):
        read_data(tmp_path / "g.npz")


def test_numeric_labels_of_a_table_stay_numbers(tmp_path):
    """Labels go by their dictionary; missing ones among numbers are NaN, among words ''."""
    for text, expected in (
        ("1\n2.5\n1\n", [1, 2.5, 1]),
        ("1\n\n2\n", [1, np.nan, 2]),
        ("a\n\nb\n", ["a", "", "b"]),
    ):
        (tmp_path / "f.csv").write_text(
            "x,y\n" + "".join(f"7,{label}\n" for label in text.split("\n")[:-1])
        )
        np.testing.assert_array_equal(
            read_data(tmp_path / "f.csv", target="y").y, np.array(expected)
        )


def test_memory_that_cannot_be_had(tmp_path, monkeypatch):
    """What no check foresees is a ValueError too."""
    np.savez(tmp_path / "f.npz", x=np.ones((2, 2)))
    for error, text in (
        (MemoryError("8 GiB"), r"asks for more memory than there is \(8 GiB\)"),
        (KeyError("a"), "'a'"),
    ):

        def fail(*_, error=error, **__):
            raise error

        monkeypatch.setattr(np.lib.format, "read_array", fail)
        with pytest.raises(ValueError, match=rf"f\.npz cannot be read as \.npz: .*{text}"):
            read_data(tmp_path / "f.npz")
    monkeypatch.setattr(
        "fastlogreg.files.read_npz", lambda *_: common.as_data(bytearray(1 << 60), None, None)
    )
    with pytest.raises(ValueError, match=r"f\.npz needs more memory than there is"):
        read_data(tmp_path / "f.npz")


# ---------------------------------------------------------------- how much memory there is

LIMITED = """
import resource, sys
from fastlogreg.machine.memory import available_memory
before = available_memory()
which = getattr(resource, sys.argv[1])
place = 5 if which == resource.RLIMIT_DATA else 0
used = int(open("/proc/self/statm").read().split()[place]) * resource.getpagesize()
resource.setrlimit(which, (used + (100 << 20), resource.RLIM_INFINITY))
print(before, available_memory())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
@pytest.mark.parametrize("which", ["RLIMIT_DATA", "RLIMIT_AS"])
def test_a_limit_of_the_process_counts(which):
    if resource.getrlimit(getattr(resource, which))[1] != resource.RLIM_INFINITY:
        pytest.skip(f"{which} is set already, and cannot be raised again")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, which], capture_output=True, text=True, check=True
    )
    before, after = map(int, done.stdout.split())
    assert 90 << 20 < after <= 100 << 20 < before


def test_the_memory_of_the_machine_where_nothing_else_is_known(monkeypatch):
    def no_proc(*_, **__):
        raise FileNotFoundError

    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < memory.available_memory() <= physical
    monkeypatch.setattr(memory, "open", no_proc, raising=False)
    assert memory.available_memory() == physical
