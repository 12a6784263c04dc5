"""HR@10 and nDCG@10 of implicit ALS, BPR and SLIM by this library, implicit and LensKit, or the seconds of an iteration: see
scripts/peers/factors.

The split, the candidates, the order of ties and the metrics are computed here for the peers as the program computes them for
this library: leave-one-out, the test item among all items that are neither in train nor valid, mean and standard deviation
over five seeds.
"""

import collections
import logging
import os
import subprocess
import sys
import warnings

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import implicit.als
import implicit.bpr
import numpy as np
import pandas
import scipy.sparse

FACTORS, ITERATIONS, ALPHA, LAMBDA = 64, 15, 5.0, 10.0
EPOCHS, RATE, BPR_LAMBDA = 100, 0.05, 0.01
SLIM_L1, SLIM_L2, SLIM_SWEEPS = 2.0, 50.0, 1000
# Of LensKit, whose optimiser is another: its own learning rate and regularisation, and as many epochs as do not take an hour.
LENSKIT_EPOCHS = 20
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


def show(system, name, values):
    means = np.mean(values, 0)
    cells = [f"{mean:.4f}" for mean in means]
    if len(values) > 1:
        cells = [f"{cell} ± {spread:.4f}" for cell, spread in zip(cells, np.std(values, 0, ddof=1))]
    print(f"| {name} | {system} | {' | '.join(cells)} |", flush=True)


def lenskit_scores(scorer, train, seed):
    """The scores of all items for all users, by a LensKit scorer that is trained on the matrix."""
    import lenskit.data
    import lenskit.pipeline
    from lenskit.training import TrainingOptions

    users, items = train.nonzero()
    data = lenskit.data.from_interactions_df(pandas.DataFrame({"user_id": users, "item_id": items}))
    pipeline = lenskit.pipeline.predict_pipeline(scorer, fallback=False)
    pipeline.train(data, TrainingOptions(rng=seed))
    scores = np.full(train.shape, -np.inf)
    known = lenskit.data.ItemList(np.unique(items))
    for user in range(train.shape[0]):
        found = pipeline.run("scorer", query=user, items=known)
        scores[user, found.ids()] = np.nan_to_num(found.scores(), nan=-np.inf)
    return scores


def lenskit_quality(train, valid, test):
    from lenskit.als import ImplicitMFScorer
    from lenskit.flexmf import FlexMFImplicitScorer
    from lenskit.knn import SLIMScorer

    def of(scorer, seeds):
        return [evaluate(lenskit_scores(scorer(), train, seed), train, valid, test) for seed in seeds]

    # Its confidence is 1 + weight.
    als = lambda: ImplicitMFScorer(embedding_size=FACTORS, epochs=ITERATIONS, regularization=LAMBDA, weight=ALPHA - 1)
    show("lenskit", "als cholesky, fold-in", of(als, SEEDS))
    bpr = lambda: FlexMFImplicitScorer(embedding_size=FACTORS, epochs=LENSKIT_EPOCHS, preset="bpr")
    show("lenskit", "bpr uniform, its optimiser", of(bpr, SEEDS))
    slim = lambda: SLIMScorer(l1_reg=SLIM_L1, l2_reg=SLIM_L2, max_iters=SLIM_SWEEPS)
    show("lenskit", "slim", of(slim, [0]))


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
        show("implicit", name + ", vectors of training", trained)
        everybody = np.arange(n_users)
        folded = [evaluate(m.recalculate_user(everybody, train) @ m.item_factors.T, train, valid, test) for m in models]
        show("implicit", name + ", fold-in", folded)
    models = [bpr(seed, threads) for seed in SEEDS]
    for model in models:
        model.fit(train, show_progress=False)
    trained = [evaluate(m.user_factors @ m.item_factors.T, train, valid, test) for m in models]
    show("implicit", "bpr popular, vectors of training", trained)
    lenskit_quality(train, valid, test)


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


def main():
    program, task, path = sys.argv[1:4]
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    if task == "quality":
        print("| model | system | HR@10 | nDCG@10 |\n|---|---|---|---|", flush=True)
    subprocess.run([program, task, path], check=True)
    {"quality": quality, "speed": speed}[task](path, int(sys.argv[4]) if len(sys.argv) > 4 else 2)


if __name__ == "__main__":
    main()
