"""Name the type of what users may hand over as X."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from numpy.typing import ArrayLike

from .row_blocks import RowBlocks


class SparseLike(Protocol):
    """What type checkers take for one of scipy's sparse matrices or arrays; scipy has no types."""

    @property
    def shape(self) -> Any: ...

    @property
    def format(self) -> Any: ...

    def tocsr(self) -> Any: ...

    def tocsc(self) -> Any: ...


MatrixLike: TypeAlias = ArrayLike | RowBlocks | SparseLike
