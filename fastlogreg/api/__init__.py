"""The functions of the lectures: X (n_x, m), Y (1, m), w (n_x, 1), b a number.

Of K classes w is (n_x, K), b is (K, 1) and Y holds 0 .. K - 1: softmax in the sigmoid's place. The
columns of w tell how many classes there are; `train` is told.

Arguments are checked here, once. Each function takes scale and shift, a number or one per feature
as (n_x, 1): the model sees scale * X + shift, which is never formed. `backend` names the same
mathematics written in different ways:

    "fused"   the production kernel: the loops, blocked, X read once, on all threads
    "loops"   the lectures' explicit loops, compiled in parallel by Numba
    "numpy"   the vectorized form; needs NumPy alone
    "python"  the source of "loops", interpreted
    "cuda"    the kernels of a GPU, with the extra `cuda`
"""
