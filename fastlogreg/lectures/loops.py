"""The loops of the lectures, literal and in their order: plain Python, which `pairs` runs as it
stands and compiled.

The letters and shapes are the lectures': X (n_x, m), Y (1, m), w (n_x, 1), b a float, A any matrix,
v and u columns.

The loops that need a loss take it from z: L = log(1 + exp(t)) = max(t, 0) + log(1 + e), with t = -z
for y = 1 and z for y = 0, and e = exp(-|z|). That is -(y log a + (1 - y) log(1 - a)) without
log(0); and a = 1 / (1 + e) or e / (1 + e) is sigmoid(z) without overflow. Of K classes w is (n_x,
K), b (K, 1), and the largest z is taken from each z before exp.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

ITERATIONS, ALPHA = 1000, 0.1  # of the descent


def dot(w: Any, x: Any, b: Any) -> Any:
    z = b
    for j in range(w.shape[0]):
        z += w[j, 0] * x[j, 0]
    return z


def matrix_vector(A: Any, v: Any) -> Any:
    u = np.zeros((A.shape[0], 1))
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            u[i, 0] += A[i, j] * v[j, 0]
    return u


def exp(v: Any) -> Any:
    u = np.zeros((v.shape[0], 1))
    for i in range(v.shape[0]):
        u[i, 0] = math.exp(v[i, 0])
    return u


def log(v: Any) -> Any:
    u = np.zeros((v.shape[0], 1))
    for i in range(v.shape[0]):
        u[i, 0] = math.log(v[i, 0])
    return u


def absolute(v: Any) -> Any:
    u = np.zeros((v.shape[0], 1))
    for i in range(v.shape[0]):
        u[i, 0] = abs(v[i, 0])
    return u


def maximum(v: Any) -> Any:
    u = np.zeros((v.shape[0], 1))
    for i in range(v.shape[0]):
        u[i, 0] = 0.0 if v[i, 0] < 0 else v[i, 0]  # NaN < 0 is False: NaN stays NaN
    return u


def square(v: Any) -> Any:
    u = np.zeros((v.shape[0], 1))
    for i in range(v.shape[0]):
        u[i, 0] = v[i, 0] * v[i, 0]
    return u


def reciprocal(v: Any) -> Any:
    u = np.zeros((v.shape[0], 1))
    for i in range(v.shape[0]):
        u[i, 0] = 1 / v[i, 0]
    return u


def column_sums(A: Any) -> Any:
    s = np.zeros((1, A.shape[1]))
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            s[0, j] += A[i, j]
    return s


def percentages(A: Any) -> Any:
    P = np.zeros(A.shape)
    for j in range(A.shape[1]):
        total = 0.0
        for i in range(A.shape[0]):
            total += A[i, j]
        for i in range(A.shape[0]):
            P[i, j] = 100 * A[i, j] / total
    return P


def matrix_plus_row(A: Any, row: Any) -> Any:
    C = np.zeros(A.shape)
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            C[i, j] = A[i, j] + row[0, j]
    return C


def matrix_plus_column(A: Any, column: Any) -> Any:
    C = np.zeros(A.shape)
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            C[i, j] = A[i, j] + column[i, 0]
    return C


def matrix_plus_scalar(A: Any, number: Any) -> Any:
    C = np.zeros(A.shape)
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            C[i, j] = A[i, j] + number
    return C


def forward(w: Any, b: Any, X: Any) -> Any:
    Z = np.zeros((1, X.shape[1]))
    A = np.zeros((1, X.shape[1]))
    for i in range(X.shape[1]):
        z = b
        for j in range(X.shape[0]):
            z += w[j, 0] * X[j, i]
        e = math.exp(-abs(z))
        Z[0, i] = z
        A[0, i] = 1 / (1 + e) if z >= 0 else e / (1 + e)
    return Z, A


def gradient_one(w: Any, b: Any, x: Any, y: Any) -> Any:
    dw = np.zeros(w.shape)
    z = b
    for j in range(x.shape[0]):
        z += w[j, 0] * x[j, 0]
    e = math.exp(-abs(z))
    a = 1 / (1 + e) if z >= 0 else e / (1 + e)
    t = -z if y[0, 0] == 1 else z
    L = max(t, 0.0) + math.log1p(e)
    dz = a - y[0, 0]
    for j in range(x.shape[0]):
        dw[j, 0] = x[j, 0] * dz
    return L, dw, dz


def gradient_scalars(w: Any, b: Any, X: Any, Y: Any) -> Any:
    J, dw_1, dw_2, db = 0.0, 0.0, 0.0, 0.0
    m = X.shape[1]
    for i in range(m):
        z = w[0, 0] * X[0, i] + w[1, 0] * X[1, i] + b
        e = math.exp(-abs(z))
        a = 1 / (1 + e) if z >= 0 else e / (1 + e)
        t = -z if Y[0, i] == 1 else z
        J += max(t, 0.0) + math.log1p(e)
        dz = a - Y[0, i]
        dw_1 += X[0, i] * dz
        dw_2 += X[1, i] * dz
        db += dz
    return J / m, np.array([[dw_1 / m], [dw_2 / m]]), db / m


def gradient_vector(w: Any, b: Any, X: Any, Y: Any) -> Any:
    J, dw, db = 0.0, np.zeros(X.shape[0]), 0.0
    m = X.shape[1]
    for i in range(m):
        x = X[:, i]
        z = np.sum(w[:, 0] * x) + b
        e = math.exp(-abs(z))
        a = 1 / (1 + e) if z >= 0 else e / (1 + e)
        t = -z if Y[0, i] == 1 else z
        J += max(t, 0.0) + math.log1p(e)
        dz = a - Y[0, i]
        dw += x * dz
        db += dz
    return J / m, dw.reshape(-1, 1) / m, db / m


def gradient(w: Any, b: Any, X: Any, Y: Any) -> Any:
    J, dw, db = 0.0, np.zeros((X.shape[0], 1)), 0.0
    m = X.shape[1]
    for i in range(m):
        z = b
        for j in range(X.shape[0]):
            z += w[j, 0] * X[j, i]
        e = math.exp(-abs(z))
        a = 1 / (1 + e) if z >= 0 else e / (1 + e)
        t = -z if Y[0, i] == 1 else z
        J += max(t, 0.0) + math.log1p(e)
        dz = a - Y[0, i]
        for j in range(X.shape[0]):
            dw[j, 0] += X[j, i] * dz
        db += dz
    return J / m, dw / m, db / m


def descent(X: Any, Y: Any) -> Any:
    w, b = np.zeros((X.shape[0], 1)), 0.0
    m = X.shape[1]
    for _ in range(ITERATIONS):
        dw, db = np.zeros((X.shape[0], 1)), 0.0
        for i in range(m):
            z = b
            for j in range(X.shape[0]):
                z += w[j, 0] * X[j, i]
            e = math.exp(-abs(z))
            dz = (1 / (1 + e) if z >= 0 else e / (1 + e)) - Y[0, i]
            for j in range(X.shape[0]):
                dw[j, 0] += X[j, i] * dz
            db += dz
        for j in range(X.shape[0]):
            w[j, 0] -= ALPHA * dw[j, 0] / m
        b -= ALPHA * db / m
    return w, b


def softmax(Z: Any) -> Any:
    A = np.zeros(Z.shape)
    for i in range(Z.shape[1]):
        top = Z[0, i]  # taken from every z: no exp is above 1, and a stays as it is
        for k in range(Z.shape[0]):
            top = max(top, Z[k, i])
        total = 0.0
        for k in range(Z.shape[0]):
            A[k, i] = math.exp(Z[k, i] - top)
            total += A[k, i]
        for k in range(Z.shape[0]):
            A[k, i] /= total
    return A


def gradient_softmax(w: Any, b: Any, X: Any, Y: Any) -> Any:
    J, dw, db = 0.0, np.zeros(w.shape), np.zeros(b.shape)
    m = X.shape[1]
    z, a = np.zeros(w.shape[1]), np.zeros(w.shape[1])
    for i in range(m):
        top = -np.inf
        for k in range(w.shape[1]):
            z[k] = b[k, 0]
            for j in range(X.shape[0]):
                z[k] += w[j, k] * X[j, i]
            top = max(top, z[k])
        total = 0.0
        for k in range(w.shape[1]):
            z[k] -= top
            a[k] = math.exp(z[k])
            total += a[k]
        y = int(Y[0, i])
        J += math.log(total) - z[y]
        for k in range(w.shape[1]):
            dz = a[k] / total
            if k == y:
                dz -= 1
            for j in range(X.shape[0]):
                dw[j, k] += X[j, i] * dz
            db[k, 0] += dz
    return J / m, dw / m, db / m
