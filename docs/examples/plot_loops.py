"""
Loops against vectorized code
=============================

The lectures say: avoid explicit loops. That is true of loops that Python interprets. Here three of
them run as they stand, compiled from the same source, and as NumPy's one line.
"""

import inspect

import fastlogreg as flr
from fastlogreg.lectures import figures, loops

print(inspect.getsource(loops.dot))

# %%
# All forms are timed on one thread, and their results are compared.

rows = [flr.compare(name, size=100_000, seconds=0.2)[0] for name in ("dot", "exp", "gradient")]
for row in rows:
    print(f"{row.name:9} compiled loop {row.speedup:5.0f} x faster than interpreted,", end=" ")
    print(f"largest difference {row.disagreement:.0e}")

# %%
# NumPy's ``exp`` takes several numbers at a time, and a literal loop one after the other. This
# package's kernels have such a form, too: it is shown beside.

figure = figures.speed_bars(rows)
