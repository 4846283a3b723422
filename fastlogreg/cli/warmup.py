"""The command warmup: compile ahead, into the folder that later processes load from."""

from __future__ import annotations

from typing import Annotated

import typer


def warmup(
    dtype: Annotated[
        str, typer.Option("--dtype", help="Of X, one or several: float64,uint8.")
    ] = "float64",
) -> int:
    """Compile the kernels ahead, for instance while an image of a container is built.

    Set NUMBA_CACHE_DIR to the folder that is to hold them. Exit status 1 where no folder can be
    written.
    """
    from ..backends.base import are_compiled
    from ..tools.doctor import cache_folder
    from ..tools.warming import warmup as warm_up

    if not are_compiled():
        print("nothing is compiled while NUMBA_DISABLE_JIT is set")
        return 0
    seconds = warm_up(tuple(name.strip() for name in dtype.split(",")))
    folder = cache_folder()
    print(f"compiled for {dtype} in {seconds:.1f} s; cache folder: {folder.found}")
    if not folder.healthy:
        print(f"remedy: {folder.remedy}")
    return 0 if folder.healthy else 1
