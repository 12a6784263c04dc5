"""Training and full-catalogue top-10 for all users, by this library, implicit and LensKit: see scripts/peers/cf.

Every measurement is a process of its own, and the systems take turns, so that what else the machine does meets all of them. The
median of the rounds is printed, and the ratio to this library; a model that takes a system longer than a minute has one round. Peak
memory is that of the whole process, data and interpreter included.
"""

import argparse
import collections
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time

K, NEIGHBOURS, FACTORS, ALPHA, ALS_LAMBDA, EASE_LAMBDA = 10, 100, 64, 5.0, 10.0, 200.0
SLIM_L1, SLIM_L2, SLIM_SWEEPS = 2.0, 50.0, 1000
THREADS = 2
# LensKit ranks for so many users at most.
LENSKIT_USERS = 1000
# Users, items and interactions of the large data, what is done with them, and the bytes that a process may have.
LARGE, LARGE_USERS, LARGE_ITERATIONS = (1_000_000, 100_000, 50_000_000), 20_000, 3
MEMORY = 20_000_000_000
# Seconds of a process after which it is not run again.
LONG = 60.0
MODELS = {
    "item-knn": ("rec-cf", "implicit", "lenskit"),
    "als": ("rec-cf", "implicit", "lenskit"),
    "bpr": ("rec-cf", "implicit", "lenskit"),
    "slim": ("rec-cf", "lenskit"),
    "ease": ("rec-cf", "lenskit"),
}


def read(path):
    """User and item of each interaction, numbered in the order of their ids."""
    import pandas

    log = pandas.read_csv(path, sep="\t", usecols=["user_id:token", "item_id:token"])
    return log.rename(columns={"user_id:token": "user_id", "item_id:token": "item_id"}).drop_duplicates()


def implicit_model(model, iterations):
    import implicit.als
    import implicit.bpr
    import implicit.nearest_neighbours

    if model == "item-knn":
        return implicit.nearest_neighbours.CosineRecommender(K=NEIGHBOURS, num_threads=THREADS)
    if model == "als":
        return implicit.als.AlternatingLeastSquares(
            factors=FACTORS, regularization=ALS_LAMBDA, alpha=ALPHA + 1, iterations=iterations, num_threads=THREADS, random_state=0
        )
    return implicit.bpr.BayesianPersonalizedRanking(
        factors=FACTORS, learning_rate=0.05, regularization=0.01, iterations=iterations, num_threads=THREADS, random_state=0
    )


def sample(users, n_most):
    """Every so many of the users, so that there are no more than that. Seconds for them are scaled to all."""
    return users[:: -(-len(users) // min(n_most, len(users)))]


def run_implicit(model, path, iterations, n_most):
    import numpy as np
    import scipy.sparse

    log = read(path)
    rows, columns = (log[name].astype("category").cat.codes.to_numpy() for name in ("user_id", "item_id"))
    matrix = scipy.sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)))
    del log, rows, columns
    fitted = implicit_model(model, iterations)
    start = time.perf_counter()
    fitted.fit(matrix, show_progress=False)
    trained = time.perf_counter()
    users = sample(np.arange(matrix.shape[0]), n_most)
    n = 0
    # All users at once would need a dense matrix of their scores.
    for first in range(0, len(users), 4096):
        block = users[first : first + 4096]
        ids, _ = fitted.recommend(block, matrix[block], N=K, filter_already_liked_items=True)
        n += ids.size
    return trained - start, (time.perf_counter() - trained) * matrix.shape[0] / len(users), n


def lenskit_scorer(model, iterations):
    if model == "item-knn":
        from lenskit.knn import ItemKNNScorer

        return ItemKNNScorer(max_nbrs=NEIGHBOURS, save_nbrs=NEIGHBOURS, feedback="implicit")
    if model == "als":
        from lenskit.als import ImplicitMFScorer

        return ImplicitMFScorer(embedding_size=FACTORS, epochs=iterations, regularization=ALS_LAMBDA, weight=ALPHA)
    if model == "bpr":
        from lenskit.flexmf import FlexMFImplicitScorer

        return FlexMFImplicitScorer(embedding_size=FACTORS, epochs=iterations, preset="bpr")
    if model == "slim":
        from lenskit.knn import SLIMScorer

        return SLIMScorer(l1_reg=SLIM_L1, l2_reg=SLIM_L2, max_iters=SLIM_SWEEPS, max_nbrs=NEIGHBOURS)
    from lenskit.knn.ease import EASEScorer

    return EASEScorer(regularization=EASE_LAMBDA)


def run_lenskit(model, path, iterations, n_most):
    import lenskit.batch
    import lenskit.data
    import lenskit.pipeline

    data = lenskit.data.from_interactions_df(read(path))
    pipeline = lenskit.pipeline.topn_pipeline(lenskit_scorer(model, iterations), n=K)
    start = time.perf_counter()
    pipeline.train(data)
    trained = time.perf_counter()
    users = list(data.users.ids())
    # A pipeline for each user takes milliseconds: of many users a sample is timed, and the time scaled. One process, because a
    # second one takes longer to start than it saves.
    some = sample(users, min(n_most, LENSKIT_USERS))
    lists = lenskit.batch.recommend(pipeline, some, K, n_jobs=1)
    seconds = (time.perf_counter() - trained) * len(users) / len(some)
    return trained - start, seconds, sum(len(items) for items in lists.lists())


def child(system, model, path, iterations, n_most):
    train, lists, n = {"implicit": run_implicit, "lenskit": run_lenskit}[system](model, path, iterations, n_most)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"train": train, "lists": lists, "peak_mb": peak, "n": n}))


def limit_memory():
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def measure(program, system, model, path, iterations, n_most, timeout):
    """What one process says, or why it says nothing."""
    environment = dict(os.environ, RAYON_NUM_THREADS=str(THREADS), OMP_NUM_THREADS=str(THREADS), OPENBLAS_NUM_THREADS="1")
    environment |= {"MKL_NUM_THREADS": str(THREADS), "LK_NUM_THREADS": str(THREADS), "CUDA_VISIBLE_DEVICES": ""}
    command = [program, model, path, str(iterations), str(n_most)]
    if system != "rec-cf":
        command = [sys.executable, __file__, "--child", system, model, path, str(iterations), str(n_most)]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=timeout, preexec_fn=limit_memory
        )
    except subprocess.TimeoutExpired:
        return f"more than {timeout:.0f} s"
    if done.returncode != 0:
        # What Rust says of backtraces is no reason.
        said = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("note:")]
        return (said or [f"ended with {done.returncode}"])[-1]
    return json.loads(done.stdout.strip().splitlines()[-1])


def generate(n_users, n_items, n_interactions, path):
    """Interactions of users of alike activity with items of Zipf popularity, drawn with replacement from a fixed seed; those of a
    user with an item that come again are left out."""
    import numpy as np

    random = np.random.Generator(np.random.PCG64(7))
    ends = np.cumsum(1 / np.arange(1, n_items + 1))
    # Items are numbered at random, so that their order says nothing of their popularity.
    names = random.permutation(n_items)
    written, per_block = 0, 10_000
    with open(path, "w", encoding="ascii") as file:
        file.write("user_id:token\titem_id:token\n")
        for first in range(0, n_users, per_block):
            users = min(per_block, n_users - first)
            n = n_interactions * (first + users) // n_users - n_interactions * first // n_users
            user = first + random.integers(0, users, n)
            item = names[np.searchsorted(ends, random.random(n) * ends[-1])]
            pairs = np.unique(user.astype(np.int64) * n_items + item)
            user, item = np.divmod(pairs, n_items)
            file.write("".join(f"{u}\t{i}\n" for u, i in zip(user.tolist(), item.tolist())))
            written += len(pairs)
    print(f"{path}: {written} interactions", file=sys.stderr)


def generated(path):
    """The path of the large data, which are generated where they are not there yet."""
    if not os.path.exists(path):
        generate(*LARGE, path + ".part")
        os.rename(path + ".part", path)
    return path


def rows(arguments, path, iterations, n_most, rounds):
    """The lines of the table for one file."""
    for model in arguments.models.split(","):
        systems = [system for system in MODELS[model] if system in arguments.systems.split(",")]
        found, failed, done = collections.defaultdict(list), {}, set()
        for _ in range(rounds):
            for system in systems:
                if system not in failed and system not in done:
                    n, begin = iterations.get(model, 0), time.perf_counter()
                    got = measure(arguments.program, system, model, path, n, n_most, arguments.timeout)
                    if time.perf_counter() - begin > LONG:
                        done.add(system)
                    if isinstance(got, str):
                        failed[system] = got
                    else:
                        found[system].append(got)
        name, own = os.path.basename(path), None
        for system in systems:
            if system in failed:
                yield f"| {name} | {model} | {system} | {failed[system]} | | | | | |"
                continue
            values = [statistics.median(one[key] for one in found[system]) for key in ("train", "lists", "peak_mb")]
            own = values if system == "rec-cf" else own
            ratios = [f"{value / base:.2f}" for value, base in zip(values, own)] if own else ["", "", ""]
            cells = [f"{values[0]:.3f}", f"{values[1]:.3f}", f"{values[2]:.0f}", *ratios]
            yield f"| {name} | {model} | {system} | {' | '.join(cells)} |"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("files", nargs="*")
    arguments.add_argument("--large", metavar="FILE", help="these generated data instead, in this file")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--models", default=",".join(MODELS))
    arguments.add_argument("--systems", default="rec-cf,implicit,lenskit")
    arguments.add_argument("--als-iterations", type=int, default=15)
    arguments.add_argument("--bpr-epochs", type=int, default=20)
    arguments.add_argument("--timeout", type=float, default=900, help="seconds for one process")
    arguments = arguments.parse_args()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "?")
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("implicit", "lenskit", "numpy", "scipy")]
    rounds = 1 if arguments.large else arguments.rounds
    print(f"{cpu}, {THREADS} threads, {rounds} rounds, Python {platform.python_version()}, {', '.join(versions)}\n")
    print("| data | model | system | train s | top-10 s | peak MB | train ratio | top-10 ratio | peak ratio |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    if arguments.large:
        iterations = {"als": LARGE_ITERATIONS, "bpr": LARGE_ITERATIONS}
        work = [(generated(arguments.large), iterations, LARGE_USERS, rounds)]
    else:
        iterations = {"als": arguments.als_iterations, "bpr": arguments.bpr_epochs}
        work = [(path, iterations, 10**9, rounds) for path in arguments.files]
    for one in work:
        for line in rows(arguments, *one):
            print(line, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:5], *map(int, sys.argv[5:7]))
    else:
        main()
