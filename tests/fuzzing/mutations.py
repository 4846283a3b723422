"""Valid bytes -> bytes that may not be: mutations that know nothing of a format, and those that go
inside .npy and .zip.

All draw from the `random.Random` that they are given, so that a seed and a number name a file.
"""

from __future__ import annotations

import io
import json
import re
import struct
import warnings
import zipfile
from collections.abc import Sequence
from random import Random

import numpy as np

MOST_BYTES = 1 << 20  # of a mutated file
INTEGERS = (
    *(
        0,
        1,
        2,
        3,
        7,
        8,
        15,
        16,
        63,
        64,
        127,
        128,
        255,
        256,
        2**15 - 1,
        2**15,
        2**16 - 1,
        2**16,
        2**31 - 1,
        2**31,
    ),
    *(2**32 - 1, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 8),
)
NUMBERS = (
    *(
        b"0",
        b"-1",
        b"1",
        b"2",
        b"3",
        b"-0",
        b"00",
        b"1e400",
        b"-1e400",
        b"1e-400",
        b"nan",
        b"-inf",
        b"inf",
        b"0x10",
    ),
    *(
        b"4294967296",
        b"4294967295",
        b"9223372036854775807",
        b"9223372036854775808",
        b"1" * 25,
        b"9" * 400,
        b"1" * 5000,
    ),
    *(
        b"999999999999999999",
        b"1000000000000000000",
        b"-9223372036854775808",
        b"1_0",
        b"1.5",
        b"True",
        b"65536",
        b"",
    ),
)
TOKENS = (
    *(
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xc3",
        b'"',
        b"'",
        b"\n",
        b"\r",
        b"\r\n",
        b",",
        b";",
        b"\t",
        b" ",
        b":",
    ),
    *(
        b"#",
        b"1:1:1",
        b"0:1",
        b"-1:1",
        b"1:",
        b":1",
        b"nan",
        b"[",
        b"{",
        b"}",
        b"]",
        b"(",
        b"\\",
        b"null",
        b"NA",
    ),
    *(
        b"\xd9\xa3",
        b"[" * 3000,
        b"-" * 3000,
        b"(" * 150,
        b"9" * 5000,
        b"a" * 70000,
        b"," * 3000,
        b'"' * 999,
    ),
)
DESCRIPTIONS = (
    *(
        "'|O'",
        "'<f8'",
        "'>f8'",
        "'|V0'",
        "'<U0'",
        "'|S10'",
        "'<c16'",
        "[('a', '<f8')]",
        "'<M8[ns]'",
        "'<f2'",
        "'<f16'",
    ),
    *(
        "'|b1'",
        "'<i8'",
        "'|u1'",
        "'<U99999999'",
        "'<m8'",
        "'|V9223372036854775807'",
        "None",
        "'<f8,<f8'",
        "('<f8', (9,))",
    ),
    *("('<f8', (-1,))", "'nonsense'", "[]", "[('a', '|O')]", "{'names': 1}"),
)
_DIGITS = re.compile(rb"-?\d+")


def mutate(rng: Random, contents: Sequence[bytes]) -> bytes:
    """One of the contents, changed one to four times; three in five archives and .npy inside."""
    content = rng.choice(contents)
    if rng.random() < 0.6:
        if content[:2] == b"PK":
            return _inside_zip(rng, content)
        if content[:6] == b"\x93NUMPY":
            return _inside_npy(rng, content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        content = rng.choice(MUTATIONS)(rng, content, rng.choice(contents))
    return content[:MOST_BYTES]


def _at(rng: Random, content: bytes) -> int:
    """A position; a third of them near an end, where headers and footers are."""
    n = len(content)
    near = min(n, 128)
    return rng.choice(
        (rng.randint(0, n), rng.randint(0, n), rng.randint(0, near), rng.randint(n - near, n))
    )


def _truncated(rng: Random, content: bytes, _: bytes) -> bytes:
    return content[: _at(rng, content)]


def _beheaded(rng: Random, content: bytes, _: bytes) -> bytes:
    return content[_at(rng, content) :]


def _bits_flipped(rng: Random, content: bytes, _: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8, 64)) if content else 0):
        changed[min(_at(rng, content), len(content) - 1)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _bytes_set(rng: Random, content: bytes, _: bytes) -> bytes:
    at, n = _at(rng, content), rng.choice((1, 1, 2, 4, 8, 64))
    return (
        content[:at]
        + bytes([rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))] * n)
        + content[at + n :]
    )


def _inserted(rng: Random, content: bytes, _: bytes) -> bytes:
    at = _at(rng, content)
    return (
        content[:at]
        + rng.choice((rng.choice(TOKENS), rng.randbytes(rng.randint(1, 40))))
        + content[at:]
    )


def _deleted(rng: Random, content: bytes, _: bytes) -> bytes:
    at = _at(rng, content)
    return content[:at] + content[at + rng.choice((1, 1, 2, 4, 16, 256)) :]


def _repeated(rng: Random, content: bytes, _: bytes) -> bytes:
    lo, hi = sorted((_at(rng, content), _at(rng, content)))
    return content[:hi] + content[lo:hi] * rng.choice((1, 2, 50)) + content[hi:]


def _spliced(rng: Random, content: bytes, other: bytes) -> bytes:
    return content[: _at(rng, content)] + other[_at(rng, other) :]


def _integer_set(rng: Random, content: bytes, _: bytes) -> bytes:
    at, size = _at(rng, content), rng.choice((1, 2, 4, 8))
    number = (rng.choice(INTEGERS) % (1 << 8 * size)).to_bytes(size, rng.choice(("little", "big")))
    return content[:at] + number + content[at + size :]


def _number_replaced(rng: Random, content: bytes, _: bytes) -> bytes:
    found = list(_DIGITS.finditer(content))
    if not found:
        return content
    match = rng.choice(found)
    return content[: match.start()] + rng.choice(NUMBERS) + content[match.end() :]


MUTATIONS = (
    *(
        _truncated,
        _beheaded,
        _bits_flipped,
        _bits_flipped,
        _bytes_set,
        _inserted,
        _deleted,
        _repeated,
        _spliced,
    ),
    *(_integer_set, _integer_set, _number_replaced, _number_replaced),
)


def _inside_npy(rng: Random, content: bytes) -> bytes:
    """Another shape or dtype in a header whose length is right, or another text where the array is
    one."""
    array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    if (
        array.dtype.kind == "U" and array.ndim == 0 and rng.random() < 0.8
    ):  # the metadata of a model
        text = _changed_text(rng, str(array)).encode("utf-8", "ignore")
        out = io.BytesIO()
        np.lib.format.write_array(out, np.array(text.decode("utf-8", "replace")))
        return out.getvalue()
    start = content.index(b"{")
    end = start + content[start:].index(b"\n")
    header, data = content[start:end], content[end + 1 :]
    kind = rng.randrange(3)
    if kind == 0:
        header = re.sub(
            rb"'descr': ('[^']*'|\[.*?\])", b"'descr': " + rng.choice(DESCRIPTIONS).encode(), header
        )
    elif kind == 1:
        shape = tuple(rng.choice((*INTEGERS, -1, -8, 4, 3)) for _ in range(rng.randrange(5)))
        header = re.sub(rb"\([-\d, ]*\)", str(shape).encode(), header)
    else:
        header = rng.choice((_number_replaced, _inserted, _bytes_set))(rng, header, b"")
    return npy_with_header(header, data, rng.choice((1, 1, 1, 2, 3, 9)))


def npy_with_header(
    header: bytes, data: bytes, version: int = 1, length: int | None = None
) -> bytes:
    """A .npy of this header text; length: what it declares, where that is to be a lie."""
    length = len(header) + 1 if length is None else length
    size = (
        struct.pack("<H", length & 0xFFFF)
        if version == 1
        else struct.pack("<I", length & 0xFFFFFFFF)
    )
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + b"\n" + data


def _changed_text(rng: Random, text: str) -> str:
    """JSON with one value replaced by one of another kind, or its text mutated."""
    values = (
        None,
        True,
        0,
        -1,
        3,
        1e308,
        "",
        "abc",
        [],
        [0],
        [0, 1],
        ["a", "b", "c"],
        [[0], [1]],
        {},
        {"a": 1},
        [None, 1],
    )
    if rng.random() < 0.5:
        found = json.loads(text)
        found[rng.choice(sorted(found))] = rng.choice(values)
        return json.dumps(found)
    return rng.choice(MUTATIONS)(rng, text.encode(), text.encode()).decode("utf-8", "replace")


def _inside_zip(rng: Random, content: bytes) -> bytes:
    """The archive packed again, so that its checksums are right, with a member changed, doubled,
    renamed or gone."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    at = rng.randrange(len(members))
    name, stored = members[at]
    kind = rng.randrange(8)
    if kind < 5:
        members[at] = (name, mutate(rng, [stored]))
    elif kind == 5:
        members.append((rng.choice(members)[0], mutate(rng, [stored])))
    elif kind == 6:
        new = (
            "../x.npy",
            "/etc/x.npy",
            ".npy",
            "x",
            "x.npy/",
            "a" * 3000 + ".npy",
            "\0.npy",
            name.removesuffix(".npy"),
        )
        members.insert(rng.randrange(len(members) + 1), (rng.choice(new), stored))
    else:
        del members[at]
    return zip_of(members, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))


def zip_of(members: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of these members; the same name may come twice."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that come twice
        for name, stored in members:
            archive.writestr(zipfile.ZipInfo(name), stored, method)
    return out.getvalue()
