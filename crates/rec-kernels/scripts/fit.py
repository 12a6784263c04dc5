"""Minimax rational approximations `x P(x^2) / Q(x^2)` of odd functions, printed as the constants of `src/function.rs`.

numpy and scipy. Each step of the iteration solves a linear programme for the largest error, weighted by the last
denominator (Loeb's iteration); the error is then measured in float32.
"""
import numpy as np
from scipy.optimize import linprog
from scipy.special import erf

def fit(function, limit, n_p, n_q, weight):
    x = np.sort(np.concatenate([limit * np.sin(np.linspace(0, np.pi / 2, 1200)[1:]), np.geomspace(1e-3, 0.1, 50)]))
    y, s, scale = function(x), (x / limit) ** 2, np.ones_like(x)
    for _ in range(12):
        p = x[:, None] / limit * s[:, None] ** np.arange(n_p)
        q = y[:, None] * s[:, None] ** np.arange(1, n_q)
        rows = np.hstack([p, -q]) * (weight(x) / scale)[:, None]
        right = y * weight(x) / scale
        a = np.vstack([np.hstack([rows, -np.ones((len(x), 1))]), np.hstack([-rows, -np.ones((len(x), 1))])])
        cost = np.zeros(n_p + n_q)
        cost[-1] = 1
        solved = linprog(cost, a, np.concatenate([right, -right]), bounds=[(None, None)] * (n_p + n_q), method="highs",
                         options=dict(primal_feasibility_tolerance=1e-10, dual_feasibility_tolerance=1e-10))
        c = solved.x
        scale = np.abs(1 + s[:, None] ** np.arange(1, n_q) @ c[n_p:-1])
    p = c[:n_p] / limit ** (2 * np.arange(n_p) + 1)
    q = np.concatenate([[1], c[n_p:-1] / limit ** (2 * np.arange(1, n_q))])
    return p, q, c[-1]

def measure(function, limit, p, q):
    x = np.linspace(-limit, limit, 2_000_001).astype(np.float32)
    s = x * x
    horner = lambda c: np.polyval(c[::-1].astype(np.float32), s).astype(np.float32)
    got = (x * horner(p) / horner(q)).astype(np.float64)
    want = function(x.astype(np.float64))
    return np.abs(got - want).max(), np.nanmax(np.abs(got - want) / np.maximum(np.abs(want), 1e-30))

def show(name, function, limit, n_p, n_q, weight):
    p, q, error = fit(function, limit, n_p, n_q, weight)
    print(name, limit, f"fit {error:.2e}", "float32: absolute {:.2e}, relative {:.2e}".format(*measure(function, limit, p, q)))
    print("  P", ", ".join(f"{np.float32(v):.9e}" for v in p))
    print("  Q", ", ".join(f"{np.float32(v):.9e}" for v in q))

if __name__ == "__main__":
    show("normal", lambda x: 0.5 * erf(x / np.sqrt(2)), 5.6, 6, 6, lambda x: np.maximum(1, x))
    show("tanh", np.tanh, 9.0, 5, 5, lambda x: 1 / np.tanh(x))
