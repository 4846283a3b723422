"""numba's simulator of a GPU, changed in how its threads wait, and in what they share.

The simulator's own blocks are watched by one more thread, which asks the others again and again
whether they wait, and keeps them from running. Here they wait for each other. Of a shared array two
threads that come at the same moment make two; here it is one, and does not begin with zeros. What a
kernel computes is the same.
"""

from __future__ import annotations

import sys
import threading

import numpy as np

_SHARED = threading.Lock()


def _run(self, grid_point, *args) -> None:
    """Run a block: in place of `BlockManager.run`."""
    from numba.cuda.simulator.kernel import BlockThread

    self.met, self.waiting, self.failed = threading.Condition(), 0, None
    threads = [
        BlockThread(lambda: self._f(*args), self, grid_point, at, self._debug)
        for at in np.ndindex(*self._block_dim)
    ]
    self.running = len(threads)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if self.failed is not None:
        error, trace = self.failed.exception
        raise error.with_traceback(trace)


def _shared_array(self, shape, dtype):
    """Return the one array of the line that asks: in place of `FakeCUDAShared.array`."""
    from numba.np.numpy_support import as_dtype

    frame = sys._getframe(1)
    key = frame.f_code, frame.f_lineno
    with _SHARED:
        if key not in self._allocations:
            self._allocations[key] = np.full(shape, 77, as_dtype(dtype))
        return self._allocations[key]


def _open(block) -> None:
    """Let everyone go on who waits, where all who still run do."""
    if block.waiting == block.running:
        block.waiting = 0
        block.round = object()
        block.met.notify_all()


def _syncthreads(self) -> None:
    """Wait for the block: in place of `BlockThread.syncthreads`."""
    block = self._manager
    with block.met:
        before = block.round
        block.waiting += 1
        _open(block)
        block.met.wait_for(lambda: block.round is not before or block.failed is not None)
        if block.failed is not None:
            raise RuntimeError("another thread of the block failed")


def install() -> None:
    """Change the simulator of this process."""
    from numba.cuda.simulator.kernel import BlockManager, BlockThread
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    its_own = BlockThread.run

    def run(self) -> None:
        its_own(self)
        block = self._manager
        with block.met:
            block.running -= 1
            if self.exception is not None and block.failed is None:
                block.failed = self
                block.met.notify_all()
            _open(block)

    BlockManager.run, BlockManager.round = _run, None
    BlockThread.run, BlockThread.syncthreads = run, _syncthreads
    FakeCUDAShared.array = _shared_array
