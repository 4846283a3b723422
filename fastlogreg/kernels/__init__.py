"""The compiled kernels: `flags` (decorators), `scalar` (exp, log1p, the link), `loops` (the lectures' loops, literal),
`dense` (the production kernels) on `intrinsics` (vector lanes). Importing one of them imports Numba; nothing is
compiled before its first call.
"""
