"""The compiled kernels: everything that reads X fast.

    decorators  compiler flags, disk cache      bundles     what travels together
    lanes       eight numbers as a value        layout      the shape of the work, constants
    rows        a tuple of rows, unrolled       partials    sums of chunks
    loss        exp, log1p, loss and dz         atomics     counters that threads share
    dense, sparse, uint8                        cost and gradient, by what X is
    second_order, whole_runs                    Hessians; many iterations in one call

Importing a module of these imports Numba, but for `layout` and `bundles`. Nothing is compiled
before its first call. docs/inside/kernels.md has it all on one page.
"""
