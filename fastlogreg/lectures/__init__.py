"""The lectures, whole: each of their parts has its working, tested home here.

`pairs` (every loop and its vectorized twin), `compare` (their agreement and speed), `derivatives`,
`graph` (forward and backward through a computation graph), `losses` (why the cross-entropy),
`figures`. Importing this folder compiles nothing and imports neither Numba nor matplotlib.
"""
