"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def atomic_open(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file to write that appears under its name only when it is complete and on the disk.

    OSError if that fails, and then what was there is as it was. A process killed meanwhile leaves
    a file path.PID.XXXXXXXX.tmp, in nobody's way.
    """
    target = os.path.realpath(path)  # a link keeps pointing where it did
    if os.path.exists(target) and not os.path.isfile(target):
        raise ValueError(
            f"{path} is not a regular file, and would be replaced by one"
        )  # /dev/null, say, by root
    # in containers every process may have the id 1
    temporary = f"{target}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = os.fspath(
                path
            )  # a full disk is reported without a name, or with the temporary one
        raise
    _sync_folder(os.path.dirname(target))


def _sync_folder(folder: str) -> None:
    """Put the new name on the disk too: a rename is in the folder, not in the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot, and say so
            raise
    finally:
        os.close(descriptor)
