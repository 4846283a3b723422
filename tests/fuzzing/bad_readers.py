"""Readers that do what none may, for the tests of the fuzzer: it must catch each. Files without
b"bad" are read."""

from __future__ import annotations

import ctypes
import os
import time

from tests.fuzzing.readers import Reader

KEPT = []


def _reader(misbehave):
    def seeds(folder):
        (folder / "good.bin").write_bytes(b"good")
        return [folder / "good.bin"]

    def hostile(folder):
        for name, content in (("1", b"good"), ("2", b"bad"), ("3", b"good")):
            (folder / f"{name}.bin").write_bytes(content)
        return [folder / f"{name}.bin" for name in "123"]

    def read(path):
        if b"bad" in path.read_bytes():
            misbehave(path)

    return Reader(seeds, read, hostile)


def _raise(error):
    raise error


def _starved(path):
    try:
        bytearray(1 << 34)
    except MemoryError as error:
        raise ValueError(f"{path} is too big") from error


READERS = {
    "segfault": _reader(lambda path: ctypes.string_at(0)),
    "abort": _reader(lambda path: os.abort()),
    "exit": _reader(lambda path: os._exit(3)),
    "hang": _reader(lambda path: time.sleep(600)),
    "busy": _reader(lambda path: sum(iter(int, 1))),
    "allocates": _reader(lambda path: KEPT.append(bytearray(1 << 34))),
    "allocates slowly": _reader(lambda path: [KEPT.append(bytearray(1 << 24)) for _ in range(64)]),
    "refused by the limit": _reader(_starved),
    "undocumented": _reader(lambda path: _raise(KeyError(str(path)))),
    "does not name the file": _reader(lambda path: _raise(ValueError("something is wrong"))),
    "two lines": _reader(lambda path: _raise(ValueError(f"{path}\nis wrong"))),
    "system exit": _reader(lambda path: _raise(SystemExit(0))),
    "prints": _reader(
        lambda path: os.write(1, b"noise\n") and _raise(ValueError(f"{path} is wrong"))
    ),
    "documented": _reader(lambda path: _raise(ValueError(f"{path} is wrong"))),
    "reads": _reader(lambda path: None),
}
READERS["no valid file"] = READERS["documented"]._replace(seeds=READERS["documented"].hostile)
