"""Every reader gives a result or one documented error for 200 damaged and hostile files; the fuzzer
catches what does not. The same with 10,000 files for each reader: `python -m tests.fuzzing`."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import __main__ as fuzz
from tests.fuzzing import bad_readers
from tests.fuzzing import hostile as fuzz_hostile
from tests.fuzzing import mutations as fuzz_mutations
from tests.fuzzing.readers import READERS, Reader
from tests.fuzzing.worker import BUDGET, SECONDS

ROOT = Path(__file__).resolve().parents[2]
COUNT = 200
TABLE = "tests.fuzzing.bad_readers"
CAUGHT = {
    "segfault": ("crash", "SIGSEGV"),
    "abort": ("crash", "SIGABRT"),
    "exit": ("crash", "exit status 3"),
    "system exit": ("crash", "exit status 0"),
    "hang": ("hang", "no answer in 1.0 s"),
    "busy": ("hang", "no answer in 1.0 s"),
    "allocates": ("undocumented", "MemoryError"),
    "allocates slowly": ("undocumented", "MemoryError"),
    "refused by the limit": ("over budget", "is too big"),
    "undocumented": ("undocumented", "KeyError"),
    "does not name the file": ("undocumented", "ValueError: something is wrong"),
    "two lines": ("undocumented", "is wrong"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_result_or_one_documented_error(name, tmp_path):
    outcomes, offences, seconds, memory = fuzz.fuzz(name, COUNT, save=tmp_path / "kept")
    assert offences == []
    assert 0.0 < seconds < SECONDS
    assert 0 < memory < 2 * BUDGET  # what is mapped comes on top of the budget
    assert outcomes.total() == COUNT
    assert (
        outcomes["documented"] > COUNT / 4
    )  # the files are damaged, and most mutations can be seen
    assert outcomes["read"] > 0


def bad(name, count=3, **how):
    return fuzz.fuzz(name, count, table=TABLE, budget=64 << 20, seconds=1.0, **how)


@pytest.fixture(autouse=True)
def _the_worker_finds_bad_readers(monkeypatch):
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    )


@pytest.mark.parametrize("name", CAUGHT)
def test_a_bad_reader_is_caught_and_the_file_kept(name, tmp_path):
    outcomes, offences, _, _ = bad(name, save=tmp_path)
    outcome, text = CAUGHT[name]
    assert outcomes == {"read": 2, outcome: 1}  # the file after it is read by the next worker
    assert [(offence.answer.outcome, offence.path.read_bytes()) for offence in offences] == [
        (outcome, b"bad")
    ]
    assert text in offences[0].answer.text
    assert offences[0].path.parent == tmp_path


@pytest.mark.parametrize("name", ["documented", "prints"])
def test_a_documented_error_is_none(name):
    assert bad(name)[:2] == ({"read": 2, "documented": 1}, [])


def test_a_valid_file_must_be_read():
    with pytest.raises(RuntimeError, match=r"valid file .*2\.bin gave documented"):
        bad("no valid file")


def test_the_command(monkeypatch, tmp_path, capsys):
    for name in ("reads", "exit"):
        monkeypatch.setitem(READERS, name, bad_readers.READERS[name])
    monkeypatch.setattr(fuzz, "TABLE", TABLE)
    monkeypatch.setattr(
        fuzz.fuzz,
        "__kwdefaults__",
        {**fuzz.fuzz.__kwdefaults__, "table": TABLE},
    )
    parts = (
        "--count",
        "4",
        "--save",
        str(tmp_path / "kept"),
        "--json",
        str(tmp_path / "found.json"),
    )
    assert fuzz.main(["--reader", "reads", *parts]) == 0
    assert re.fullmatch(r"reads      4 read; at most 0\.0. s and \d MiB\n", capsys.readouterr().out)
    assert json.loads((tmp_path / "found.json").read_text()) == {"reads": {"read": 4}}
    assert not (tmp_path / "kept").exists()
    assert fuzz.main(["--reader", "exit", *parts]) == 1
    assert (
        "crash: " + str(tmp_path / "kept" / "exit-2.bin") + ": exit status 3"
        in capsys.readouterr().out
    )


# ---------------------------------------------------------------- the files themselves


@pytest.mark.parametrize("name", READERS)
def test_a_seed_and_a_number_name_a_file(name, tmp_path):
    (tmp_path / "valid").mkdir()
    (tmp_path / "cases").mkdir()
    valid = READERS[name].seeds(tmp_path / "valid")
    reader = Reader(READERS[name].seeds, READERS[name].read)
    made = [
        [
            (path.name, path.read_bytes())
            for path in fuzz.cases(reader, valid, tmp_path / "cases", 20, seed)
        ]
        for seed in (3, 3, 4)
    ]
    assert made[0] == made[1]
    assert made[0] != made[2]
    assert list((tmp_path / "cases").iterdir()) == []
    unchanged = {path.read_bytes() for path in valid}
    assert sum(content in unchanged for _, content in made[0]) < 5


@given(st.integers(0), st.lists(st.binary(max_size=200), min_size=1, max_size=3))
def test_anything_can_be_mutated(seed, contents):
    contents = [
        content.replace(b"PK", b"pk") for content in contents
    ]  # archives that are none cannot be opened
    for _ in range(20):
        assert (
            len(fuzz_mutations.mutate(random.Random(seed), contents)) <= fuzz_mutations.MOST_BYTES
        )


def test_archives_are_changed_inside(tmp_path):
    """Most changed archives can be opened still: their checksums are right, and what is wrong lies
    deeper."""
    contents = [path.read_bytes() for path in READERS["npz"].seeds(tmp_path)]
    opened = 0
    for k in range(100):
        changed = io.BytesIO(fuzz_mutations.mutate(random.Random(k), contents))
        with (
            contextlib.suppress(zipfile.BadZipFile, NotImplementedError, EOFError, ValueError),
            zipfile.ZipFile(changed) as archive,
        ):
            opened += archive.testzip() is None
    assert opened > 50


def test_a_stream_of_zeros_is_what_it_says():
    assert zlib.decompress(fuzz_hostile.deflated_zeros(3 << 20), -15) == bytes(3 << 20)
