"""Where the bytes of a table lie: in a file, packed by gzip or zstd or not, or in a pipe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, Any, NamedTuple

from ..files.common import check_fits, reading

PIPE = "-"
PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bz2"))
_PART_BYTES = 1 << 20


class Content(NamedTuple):
    """The bytes of a table, read already where they were packed or came by a pipe.

    path: as it is named in messages. held: the bytes, or None where they lie in the file as they
    are. kind: the ending that says what they are, without that of the packing.
    """

    path: Path
    held: Any | None
    kind: str

    def open(self) -> IO[bytes]:
        """Open the bytes from their start."""
        if self.held is None:
            return open(self.path, "rb")
        import pyarrow as pa

        stream: IO[bytes] = pa.PythonFile(pa.BufferReader(self.held), mode="r")
        return stream

    def source(self) -> Any:
        """Return what Arrow's readers take."""
        import pyarrow as pa

        return str(self.path) if self.held is None else pa.BufferReader(self.held)


def content_of(path: Path) -> Content:
    """Find the bytes; what is packed or piped is read into memory, as far as it fits."""
    import pyarrow as pa

    if str(path) == PIPE:
        data = _all_of(Path("standard input"), sys.stdin.buffer)
        how = next((name for magic, name in _MAGIC if data[:4].startswith(magic)), None)
        if how is not None:
            name = Path("standard input")
            with reading(name, how):
                data = _all_of(name, pa.CompressedInputStream(pa.BufferReader(data), how))
        return Content(Path("standard input"), pa.py_buffer(data), _kind_of(data[:6]))
    how = PACKED.get(path.suffix.lower())
    if how is None:
        return Content(path, None, path.suffix.lower())
    with reading(path, how), pa.OSFile(str(path)) as file:
        data = _all_of(path, pa.CompressedInputStream(file, how))
    return Content(path, pa.py_buffer(data), Path(path.stem).suffix.lower())


def _all_of(name: Path, stream: Any) -> bytes:
    """Read to the end, in parts, so that what unpacks to more than the memory is refused."""
    found = bytearray()
    while part := stream.read(_PART_BYTES):
        found += part
        if len(found) % (64 * _PART_BYTES) < _PART_BYTES:
            check_fits(name, "its content", 2 * len(found))
    return bytes(found)


def _kind_of(start: bytes) -> str:
    """Return the ending that a file of these first bytes would have; .csv for any text."""
    if start.startswith(b"PAR1"):
        return ".parquet"
    if start.startswith((b"ARROW1", b"FEA1")):
        return ".arrow"
    if start.lstrip().startswith(b"{"):
        return ".jsonl"
    return ".xlsx" if start.startswith(b"PK\x03\x04") else ".csv"
