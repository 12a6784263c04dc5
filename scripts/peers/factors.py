"""What `cargo run --release -p rec-cf --example factors` prints for this library, for the Python package implicit.

    OPENBLAS_NUM_THREADS=1 python scripts/peers/factors.py quality|speed FILE.inter [THREADS]
"""

import collections
import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import implicit.als
import implicit.bpr
import numpy as np
import scipy.sparse

FACTORS, ITERATIONS, ALPHA, LAMBDA = 64, 15, 5.0, 10.0
EPOCHS, RATE, BPR_LAMBDA = 100, 0.05, 0.01
SEEDS = range(5)


def read(path):
    """User, item, time and line of each interaction, with users and items numbered by value."""
    with open(path, encoding="utf-8") as file:
        names = [field.split(":")[0] for field in next(file).rstrip("\n").split("\t")]
        columns = [names.index(name) for name in ("user_id", "item_id", "timestamp")]
        lines = (line.rstrip("\n").split("\t") for line in file)
        log = [(int(f[columns[0]]), int(f[columns[1]]), float(f[columns[2]]), n) for n, f in enumerate(lines)]
    users, items = ({x: row for row, x in enumerate(sorted({event[k] for event in log}))} for k in (0, 1))
    return [(users[u], items[i], t, n) for u, i, t, n in log], len(users), len(items)


def matrix(pairs, shape):
    values = scipy.sparse.csr_matrix((np.ones(len(pairs), np.float32), tuple(np.array(pairs).T)), shape)
    values.sum_duplicates()
    values.data[:] = 1
    return values


def als(use_cg, seed, threads, iterations=ITERATIONS):
    return implicit.als.AlternatingLeastSquares(
        factors=FACTORS,
        regularization=LAMBDA,
        alpha=ALPHA,
        use_cg=use_cg,
        iterations=iterations,
        num_threads=threads,
        random_state=seed,
    )


def bpr(seed, threads, epochs=EPOCHS):
    return implicit.bpr.BayesianPersonalizedRanking(
        factors=FACTORS,
        learning_rate=RATE,
        regularization=BPR_LAMBDA,
        iterations=epochs,
        num_threads=threads,
        random_state=seed,
    )


def evaluate(scores, train, valid, test):
    scores = scores.copy()
    scores[train.nonzero()] = -np.inf
    users = np.arange(len(scores))
    scores[users, valid] = -np.inf
    own = scores[users, test][:, None]
    ties = (scores == own) & (np.arange(scores.shape[1])[None, :] < test[:, None])
    ranks = ((scores > own) | ties).sum(1)
    hits = ranks < 10
    return hits.mean(), np.where(hits, 1 / np.log2(ranks + 2), 0).mean()


def show(name, values):
    (hr, ndcg), (hr_sd, ndcg_sd) = np.mean(values, 0), np.std(values, 0, ddof=1)
    print(f"implicit {name:45} HR@10 {hr:.4f} +- {hr_sd:.4f}  nDCG@10 {ndcg:.4f} +- {ndcg_sd:.4f}", flush=True)


def quality(path, threads):
    log, n_users, n_items = read(path)
    by_user = collections.defaultdict(list)
    for user, item, t, line in log:
        by_user[user].append((t, line, item))
    histories = [[item for _, _, item in sorted(by_user[user])] for user in range(n_users)]
    test, valid = (np.array([history[-k] for history in histories]) for k in (1, 2))
    pairs = [(user, item) for user, history in enumerate(histories) for item in history[:-2]]
    train = matrix(pairs, (n_users, n_items))
    for use_cg in (False, True):
        models = [als(use_cg, seed, threads) for seed in SEEDS]
        for model in models:
            model.fit(train, show_progress=False)
        name = "als " + ("cg" if use_cg else "cholesky")
        trained = [evaluate(m.user_factors @ m.item_factors.T, train, valid, test) for m in models]
        show(name + ", vectors of training", trained)
        everybody = np.arange(n_users)
        folded = [evaluate(m.recalculate_user(everybody, train) @ m.item_factors.T, train, valid, test) for m in models]
        show(name + ", fold-in", folded)
    models = [bpr(seed, threads) for seed in SEEDS]
    for model in models:
        model.fit(train, show_progress=False)
    show("bpr popular, vectors of training", [evaluate(m.user_factors @ m.item_factors.T, train, valid, test) for m in models])


def seconds(model, values):
    """The median of the seconds of an iteration, without the first."""
    times = []
    model.fit(values, show_progress=False, callback=lambda iteration, elapsed, *_: times.append(elapsed))
    return np.median(times[1:])


def speed(path, threads):
    log, n_users, n_items = read(path)
    values = matrix([(user, item) for user, item, _, _ in log], (n_users, n_items))
    for use_cg in (False, True):
        model = als(use_cg, 0, threads, 11)
        print(f"implicit als {'cg' if use_cg else 'cholesky':20} {seconds(model, values):.4f} s an iteration", flush=True)
    print(f"implicit bpr popular              {seconds(bpr(0, threads, 21), values):.4f} s an epoch", flush=True)


if __name__ == "__main__":
    {"quality": quality, "speed": speed}[sys.argv[1]](sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 2)
