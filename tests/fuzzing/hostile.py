"""Hand-made hostile files, for each format a function folder -> paths. All are small on the
disk."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .mutations import npy_with_header, zip_of

MIB = 1 << 20


def _write(folder: Path, suffix: str, files: dict[str, bytes]) -> list[Path]:
    paths = [folder / f"{name.replace(' ', '-')}{suffix}" for name in files]
    for path, content in zip(paths, files.values()):
        path.write_bytes(content)
    return paths


def _npy(values: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, values, allow_pickle=True)
    return out.getvalue()


def _header(shape: str, descr: str = "'<f8'") -> bytes:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()


def npy(folder: Path) -> list[Path]:
    data = bytes(96)
    files = {
        name: npy_with_header(_header(shape, descr), data)
        for name, shape, descr in (
            ("huge", "(1000000, 1000000)", "'<f8'"),
            ("overflow", "(4294967296, 4294967296)", "'<f8'"),
            ("overflow to 96 bytes", "(9223372036854775807, -9223372036854775807)", "'<f8'"),
            ("negative", "(-4, 3)", "'<f8'"),
            ("negative twice", "(-4, -3)", "'<f8'"),
            ("beyond 64 bits", "(36893488147419103232, 3)", "'<f8'"),
            ("true", "(True, 12)", "'<f8'"),
            ("no bytes", "(1000000000000, 1000)", "'<U0'"),
            ("objects", "(4, 3)", "'|O'"),
            ("subarrays", "(4,)", "('<f8', (3,))"),
            ("nested", "(" * 100 + ")" * 100, "'<f8'"),
            ("minuses", "(" + "-" * 9000 + "4, 3)", "'<f8'"),
            ("power", "(9**9**9, 3)", "'<f8'"),
        )
    }
    files["pickled"] = _npy(np.array([[1, "a"]], dtype=object))
    files["an archive"] = zip_of([("x.npy", _npy(np.zeros((4, 3))))])
    files["header beyond the file"] = npy_with_header(_header("(4, 3)"), data, 2, length=0xFFFFFFF0)
    files["version 9"] = npy_with_header(_header("(4, 3)"), data, 9)
    paths = _write(folder, ".npy", files)
    long = (
        folder / "long-header.npy"
    )  # a file with a hole, which takes no space, and a header as long
    long.write_bytes(npy_with_header(_header("(4, 3)"), b"", 2, length=3 << 30))
    os.truncate(long, (3 << 30) + 100)
    return [*paths, long]


def deflated_zeros(n_bytes: int) -> bytes:
    """A raw deflate stream of zeros, made without going through all of them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (n_bytes // MIB) + b"\x03\x00"


class Member(NamedTuple):
    """One member of an archive, which declares whatever it likes; method 8 is deflate, 0 none."""

    name: str
    stored: bytes
    size: int
    checksum: int = 0
    method: int = 8
    flags: int = 0


def raw_zip(*members: Member) -> bytes:
    local, central = b"", b""
    for name, stored, size, checksum, method, flags in members:
        encoded = name.encode()
        common = struct.pack(
            "<HHHHHIIIHH", 20, flags, method, 0, 0, checksum, len(stored), size, len(encoded), 0
        )
        central += (
            b"PK\1\2"
            + struct.pack("<H", 20)
            + common
            + struct.pack("<HHHII", 0, 0, 0, 0, len(local))
            + encoded
        )
        local += b"PK\3\4" + common + encoded + stored
    n = len(members)
    return (
        local
        + central
        + b"PK\5\6"
        + struct.pack("<HHHHIIH", 0, 0, n, n, len(central), len(local), 0)
    )


def _packed(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)


def npz(folder: Path) -> list[Path]:
    x, y = _npy(np.arange(12.0).reshape(4, 3)), _npy(np.array([0, 1, 1, 0]))
    head = npy_with_header(_header(f"({3 << 20}, 128)"), b"")
    bomb = _packed(head) + deflated_zeros(3 << 30)
    small = npy_with_header(_header("(4, 3)"), bytes(96))
    long = npy_with_header(b"{" + b" " * 1000, b"", 2, length=0xBFFFFFF0)
    files = {
        "bomb": raw_zip(Member("x.npy", bomb, len(head) + (3 << 30))),
        "bomb that declares little": raw_zip(
            Member("x.npy", _packed(small) + deflated_zeros(3 << 30), len(small))
        ),
        "declares more than inflates": raw_zip(
            Member("x.npy", _packed(x) + b"\3\0", len(x) + 800, zlib.crc32(x))
        ),
        "shape beyond what is stored": zip_of(
            [("x.npy", npy_with_header(_header("(1000000, 1000000)"), bytes(96)))]
        ),
        "header bomb": raw_zip(
            Member("x.npy", _packed(long) + deflated_zeros(3 << 30), len(long) + (3 << 30))
        ),
        "two members of one name": zip_of([("x.npy", x), ("x.npy", small), ("y.npy", y)]),
        "a name with and without npy": zip_of(
            [("x.npy", x), ("x", b"\x93NUMPY raw"), ("y.npy", y)]
        ),
        "bomb behind the name": raw_zip(
            Member("x.npy", x, len(x), zlib.crc32(x), 0),
            Member("x", deflated_zeros(3 << 30), 3 << 30),
        ),
        "path names": zip_of([("../../x.npy", x), ("/etc/passwd.npy", y)]),
        "no name": zip_of([(".npy", x)]),
        "a folder": zip_of([("x.npy/", b""), ("y.npy", y)]),
        "not npy": zip_of([("x.npy", b"hello"), ("y.npy", y)]),
        "pickled": zip_of([("x.npy", _npy(np.array([[1, "a"]], dtype=object)))]),
        "encrypted": raw_zip(Member("x.npy", x, len(x), zlib.crc32(x), 0, flags=1)),
        "unknown method": raw_zip(Member("x.npy", x, len(x), zlib.crc32(x), 77)),
        "wrong checksum": raw_zip(Member("x.npy", x, len(x), 1, 0)),
        "no members": zip_of([]),
        "ten thousand members": zip_of([(f"{k}.npy", x) for k in range(10_000)]),
    }
    return _write(folder, ".npz", files)


def model(folder: Path) -> list[Path]:
    w, zero, one = _npy(np.ones((3, 1))), _npy(np.float64(0)), _npy(np.float64(1))
    good: dict[str, Any] = {
        "format": "fastlogreg model 1",
        "version": "0",
        "labels": [0, 1],
        "feature_names": None,
        "image_shape": None,
        "settings": {},
    }

    def archive(text: str | None = None, metadata: bytes | None = None, **changes: Any) -> bytes:
        arrays = {
            "w": w,
            "b": zero,
            "scale": one,
            "shift": zero,
            **{k: v for k, v in changes.items() if k not in good},
        }
        text = (
            json.dumps({**good, **{k: v for k, v in changes.items() if k in good}})
            if text is None
            else text
        )
        members = [("metadata.npy", _npy(np.array(text)) if metadata is None else metadata)]
        return zip_of([*members, *((f"{name}.npy", content) for name, content in arrays.items())])

    files = {
        "deep JSON": archive(text="[" * 200_000),
        "long number": archive(text='{"format": ' + "9" * 6000 + "}"),
        "metadata in numbers": archive(metadata=_npy(np.zeros((300, 300)))),
        "metadata in many texts": archive(metadata=_npy(np.array(["a", "b"]))),
        "b of a shape": archive(b=_npy(np.zeros((1, 1)))),
        "w in objects": archive(w=_npy(np.array([[None]], dtype=object))),
        "w without rows": archive(w=_npy(np.zeros((0, 1)))),
        "equal labels": archive(labels=[1, 1]),
        "labels in a text": archive(labels="ab"),
        "labels in lists": archive(labels=[[0], [1]]),
        "label null": archive(labels=[None, 1]),
        "names in a text": archive(feature_names="abc"),
        "names in numbers": archive(feature_names=[1, 2, 3]),
        "shape in texts": archive(image_shape=["1", "3"]),
        "shape negative": archive(image_shape=[-1, -3]),
        "shape in fractions": archive(image_shape=[1.5, 2.0]),
        "settings in a list": archive(settings=[["a", 1]]),
    }
    return [*_write(folder, ".model", files), *npz(folder)]


def csv(folder: Path) -> list[Path]:
    wide = 200_000
    lines = {
        "columns": b",".join(b"%d" % j for j in range(1, wide))
        + b"\n"
        + b",".join([b"1"] * (wide - 1))
        + b"\n",
        "sixty thousand columns": b",".join([b"1"] * 60_000)
        + b"\n"
        + b",".join([b"0"] * 60_000)
        + b"\n",
        "many columns": b"a" + b",a" * 1_000_000 + b"\n",
        "one long line": b"1," * (8 << 20),
        "one long field": b"a,b\n1," + b"7" * (8 << 20) + b"\n",
        "one long name": b"a" * (4 << 20) + b",b\n1,2\n",
        "NUL bytes": b"a,b\n1,\x002\n\x00\x00,3\n",
        "only NUL bytes": bytes(100_000),
        "bad UTF-8": b"a,b\n1,2\n\xff\xfe,3\n",
        "bad UTF-8 in labels": b"a,b\n1,2\n3,\xff\xfe\n",
        "UTF-16": "a,b\n1,2\n".encode("utf-16"),
        "quote without end": b'a,b\n1,"2\n' + b"3,4\n" * 10_000,
        "quote without end above": b'"a,b\n' + b"3,4\n" * 100_000,
        "quotes": b'"' * 100_000,
        "commas": b"," * 100_000,
        "empty lines": b"\n" * 1_000_000,
        "returns": b"\r" * 100_000,
        "long numbers": b"a,b\n" + b"9" * 100_000 + b",1e99999\n",
        "ragged": b"a,b\n1,2,3\n1\n,,,\n",
        "same names": b"a,a,a\n1,2,3\n",
        "nan": b"a,b\nnan,inf\n-inf,1\n",
    }
    sparse = folder / "hole.csv"  # 100 MB of NUL bytes on one line, which take no space
    sparse.write_bytes(b"a,b\n1,2\n")
    os.truncate(sparse, 100_000_000)
    return [*_write(folder, ".csv", lines), sparse]


def libsvm(folder: Path) -> list[Path]:
    good = b"1 1:0.5 3:2\n-1 2:1\n"
    files = {
        name: good + line + b"\n"
        for name, line in (
            ("index 0", b"1 0:1"),
            ("index negative", b"1 -1:1"),
            ("index huge", b"1 1000000000000000000:1"),
            ("index beyond 64 bits", b"1 36893488147419103232:1"),
            ("index of 5000 digits", b"1 " + b"9" * 5000 + b":1"),
            ("index in a fraction", b"1 1.5:1"),
            ("index with underscores", b"1 1_0:1"),
            ("twice", b"1 2:1 2:1"),
            ("unsorted", b"1 3:1 2:1"),
            ("nan", b"1 1:nan 2:inf 3:-inf"),
            ("enormous", b"1 1:1e400 2:" + b"9" * 5000),
            ("three parts", b"1 1:1:1"),
            ("no index", b"1 :1"),
            ("no value", b"1 1:"),
            ("query", b"1 qid:3 1:1"),
            ("two labels", b"1,2 1:1"),
            ("label of text", b"yes 1:1"),
            ("label nan", b"nan 1:1"),
            ("label enormous", b"1e400 1:1"),
            ("NUL bytes", b"1 1:\x001"),
            ("bad UTF-8", b"1 1:\xff1"),
            ("other digits", "1 \u0663:\u0664".encode()),
            ("long comment", b"#" * 200_000),
        )
    }
    files["one long line"] = b"1" + b"".join(b" %d:1" % j for j in range(1, 200_000))
    files["many rows and one wide"] = b"1 1:1\n" * 100_000 + b"1 10000000:1\n"
    files["blank"] = b"1 1:1" + b"\n" * 1_000_000
    files["one line of spaces"] = b"1 1:1" + b" " * (4 << 20)
    return _write(folder, ".libsvm", files)


def h5(folder: Path) -> list[Path]:
    import h5py

    y = np.array([0, 1, 1, 0])

    def bare(file: Any, shape: tuple[int, ...], **how: Any) -> None:
        file.create_dataset("x", shape=shape, dtype=how.pop("dtype", "f8"), **how)

    def longer_than_its_chunk(file: Any) -> None:
        bare(file, (4, 4), chunks=(4, 4), compression="gzip")
        stream = b"\x78\xda" + deflated_zeros(1 << 30) + bytes(4)
        file["x"].id.write_direct_chunk((0, 0), stream)

    def virtual(file: Any) -> None:
        layout = h5py.VirtualLayout(shape=(4, 3), dtype="f8")
        layout[:2] = h5py.VirtualSource("/nowhere.h5", "x", shape=(2, 3))
        file.create_virtual_dataset("x", layout)

    def text_labels(file: Any, text: Any) -> None:
        file["x"] = np.ones((1000, 2))
        file.create_dataset("y", data=[text, *["a"] * 999], dtype=h5py.string_dtype())

    def cycle(file: Any) -> None:
        group = file.create_group("g")
        group["again"] = file["/"]
        group["soft"] = h5py.SoftLink("/g/soft")
        group["x"] = np.ones((4, 3))

    def soft_link(file: Any) -> None:
        file["real"] = np.ones((4, 3))
        file["x"] = h5py.SoftLink("/real")

    def objects(file: Any) -> None:
        file["x"] = np.ones((4, 3))
        file.create_dataset("r", shape=(4, 3), dtype=h5py.ref_dtype)

    compound = np.dtype([("a", "f8"), ("b", "i4")])
    kinds: dict[str, Callable[[Any], Any]] = {
        "huge without data": lambda f: bare(f, (10**6, 10**6), chunks=(100, 100)),
        "huge with a fill value": lambda f: bare(
            f, (10**6, 10**6), chunks=(100, 100), fillvalue=7.0
        ),
        "overflow": lambda f: bare(f, (2**32, 2**32), dtype="u1", chunks=(100, 100)),
        "above the budget": lambda f: bare(f, (64 * MIB, 8), chunks=(MIB, 8), compression="gzip"),
        "one huge chunk": lambda f: bare(
            f, (10, 8), chunks=(64 * MIB, 7), maxshape=(None, 8), compression="gzip"
        ),
        "contiguous without data": lambda f: bare(f, (10**5, 10**5)),
        "longer than its chunk": longer_than_its_chunk,
        "compound": lambda f: bare(f, (4, 3), dtype=compound),
        "references": objects,
        "only references": lambda f: bare(f, (4, 3), dtype=h5py.ref_dtype),
        "vlen": lambda f: bare(f, (4, 3), dtype=h5py.vlen_dtype(np.float64)),
        "texts": lambda f: bare(f, (4, 3), dtype=h5py.string_dtype()),
        "enumeration": lambda f: bare(f, (4, 3), dtype=h5py.enum_dtype({"a": 1}, basetype="i4")),
        "opaque": lambda f: bare(f, (4, 3), dtype=np.dtype("V8")),
        "subarrays": lambda f: bare(f, (4, 3), dtype=np.dtype(("f8", (5,)))),
        "complex": lambda f: bare(f, (4, 3), dtype="c16"),
        "times": lambda f: bare(f, (4, 3), dtype=h5py.opaque_dtype(np.dtype("M8[ns]"))),
        "empty": lambda f: f.__setitem__("x", h5py.Empty("f8")),
        "scalar": lambda f: f.__setitem__("x", 3.0),
        "external link": lambda f: f.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/x")),
        "external data": lambda f: bare(f, (4, 3), dtype="u1", external=[("/etc/passwd", 0, 12)]),
        "soft link": soft_link,
        "virtual": virtual,
        "cycle": cycle,
        "one long label": lambda f: text_labels(f, "b" * (4 * MIB)),
        "labels not in UTF-8": lambda f: text_labels(f, b"b\xff"),
        "five thousand datasets": lambda f: [f.__setitem__(f"d{k}", y) for k in range(5000)],
        "deep groups": lambda f: f.__setitem__("/".join("g" * 2000) + "/x", np.ones((4, 3))),
    }
    paths = []
    for name, make in kinds.items():
        paths.append(folder / f"{name.replace(' ', '-')}.h5")
        with h5py.File(paths[-1], "w") as file:
            make(file)
    return paths


def parquet(folder: Path) -> list[Path]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    n, m = 9 * MIB, 100_000
    y = pa.array([0, 1])
    one = np.ones(2)
    text = {
        "a": np.ones(m),
        "y": pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(m, np.int32)), pa.array(["b" * 3000])
        ),
    }
    tables: dict[str, Any] = {
        "same value": {f"c{j}": np.zeros(n, np.int64) for j in range(2)},
        "same text": text,
        "same text in full": text,
        "same names": pa.table([one, one, y], names=["a", "a", "y"]),
        "nested": {"a": [[1.0], [2.0]], "y": y},
        "structures": {"a": [{"b": 1.0}, {"b": 2.0}], "y": y},
        "labels in lists": {"a": one, "y": [[1], [2]]},
        "labels in dates": {"a": one, "y": pa.array([1, 2], pa.timestamp("ns"))},
        "labels in bytes": {"a": one, "y": pa.array([b"\xff", b"a"])},
        "labels null": {"a": one, "y": pa.nulls(2)},
        "features null": {"a": pa.nulls(2), "y": y},
        "extreme": {
            "a": pa.array([2**63 - 1, -(2**63)]),
            "y": pa.array([2**64 - 1, 0], pa.uint64()),
        },
        "half": {"a": pa.array(one.astype(np.float16)), "y": y},
        "no rows": {"a": one[:0], "y": one[:0]},
        "no columns": {},
        "five thousand columns": {f"c{j}": one for j in range(5000)},
        "names with dots": {"a.b": one, "": one, "y": y},
    }
    paths = []
    for name, columns in tables.items():
        paths.append(folder / f"{name.replace(' ', '-')}.parquet")
        table = columns if isinstance(columns, pa.Table) else pa.table(columns)
        pq.write_table(
            table, paths[-1], store_schema=name != "same text in full"
        )  # without it no dictionary is known
    content = paths[-1].read_bytes()
    footer = {
        f"footer of {size}": content[:-8] + struct.pack("<I", size) + b"PAR1"
        for size in (0, 1, 10**6, 2**31, 2**32 - 1)
    }
    (size,) = struct.unpack("<I", content[-8:-4])
    at = content.rindex(b"\x16\x04")  # that the only row group has two rows, in Thrift
    for name, rows in (("negative", b"\x05"), ("without end", b"\xfe" * 8 + b"\x7f")):
        changed = content[: at + 1] + rows + content[at + 2 : -8]
        footer[f"rows {name}"] = changed + struct.pack("<I", size + len(rows) - 1) + b"PAR1"
    return [*paths, *_write(folder, ".parquet", footer)]


def blocks(folder: Path) -> list[Path]:
    """Of all formats that are read in blocks."""
    return [*npy(folder), *h5(folder), *parquet(folder)]
