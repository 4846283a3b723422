"""Whether the file behind a memory map is still there, and still long enough.

Reading a page of a map that lies past the end of its file ends the process (SIGBUS), and no Python
code can catch that. So file and size are looked at before each pass, which costs next to nothing.
What is cut off in the middle of a pass cannot be caught this way.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class MappedFile:
    """The file that an array is mapped from: its path, its identity, and the byte of it behind the
    array's last one."""

    path: str
    identity: tuple[int, int]
    first: int  # byte of the file at which the array begins
    end: int

    @classmethod
    def of(cls, array: NDArray[Any]) -> MappedFile | None:
        """Return the file behind an array, any view of a `numpy.memmap`; None where there is none
        that still has a name."""
        base: Any = array
        while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
            base = base.base
        path = getattr(base, "filename", None)
        mapping = getattr(base, "_mmap", None)
        if path is None or mapping is None or array.size == 0:
            return None
        try:
            status = os.stat(path)
        except OSError:  # unlinked before we came: its pages stay as long as the map does
            return None
        start = base.offset - base.offset % mmap.ALLOCATIONGRANULARITY
        origin = int(np.frombuffer(mapping, np.uint8).ctypes.data)
        reach = [(n - 1) * stride for n, stride in zip(array.shape, array.strides)]
        low = array.ctypes.data + sum(min(0, step) for step in reach)
        high = array.ctypes.data + sum(max(0, step) for step in reach) + array.itemsize
        return cls(
            str(path), (status.st_dev, status.st_ino), start + low - origin, start + high - origin
        )

    @classmethod
    def at(cls, path: str, first: int, n_bytes: int) -> MappedFile:
        """Return a file of which an array lies from byte `first` on; OSError where there is
        none."""
        status = os.stat(path)
        return cls(path, (status.st_dev, status.st_ino), first, first + n_bytes)

    def check(self) -> None:
        """OSError where the path does not lead to this file any more, or the file has become too
        short for the array."""
        try:
            status = os.stat(self.path)
        except OSError as error:
            raise OSError(
                f"{self.path}, from which X is mapped, has vanished: {error.strerror}"
            ) from error
        if (status.st_dev, status.st_ino) != self.identity:
            raise OSError(f"{self.path}, from which X is mapped, has been replaced by another file")
        if status.st_size < self.end:
            raise OSError(
                f"{self.path}, from which X is mapped, has been cut: X ends at byte {self.end}, "
                "and it has "
                f"{status.st_size} bytes now"
            )
