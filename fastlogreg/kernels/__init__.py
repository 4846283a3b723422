"""The compiled kernels: `flags` (decorators), `loops` (the lectures' loops, literal), `dense`,
`examples`, `strips`, `digits` (bytes) and `sparse` (the production kernels), `link` (exp, log1p,
loss and dz), `hessian`, `newton`, `outer`, `cholesky` and `gram`, on `intrinsics` (vector lanes).
Importing one of them imports Numba; nothing is compiled before its first call.
"""
