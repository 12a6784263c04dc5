"""Compares rec-search with faiss, usearch and OpenBLAS (through numpy): speed, recall and memory, as the Markdown tables of
docs/search.md.

    python benches/peers/topk.py PROGRAMS [--rows 1000000] [--graph-rows 100000] [--threads 2] [--repetitions 5]
                                          [--titles CATALOGUE.item] [--model models/all-MiniLM-L6-v2] [--vectors FILE.npy]
                                          [--work FOLDER] [--only exact,compressed,graph] [--print]

PROGRAMS is the folder with the examples `top_k_server` of rec-search and `encode_server` of rec-encoder; `benches/peers/topk`
builds them, makes the environment and runs this. --print writes no file, and neither does a run of --only some parts.

Rows are real vectors (of the titles of CATALOGUE by the model, or of FILE.npy) with Gaussian noise of norm 0.5, scaled to length 1;
queries are made alike from the same vectors. Without either the vectors are 16,000 random ones of 384 dimensions, each the sum of one of 200
centres and noise of the same norm. All from seed 0.

All engines use the same rows and threads, and take turns repetition by repetition. "wall" is the clock, "cpu" the time of all
threads of the engine: on a machine that others use, too, cpu says more. With several threads, though, OpenMP counts waiting as
work in cpu, so compare cpu of runs with --threads 1. Each figure is the median.
"""

import argparse
import datetime
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import tempfile
import time

import turns

parser = argparse.ArgumentParser()
parser.add_argument("programs", type=pathlib.Path)
parser.add_argument("--rows", type=int, default=1_000_000)
parser.add_argument("--graph-rows", type=int, default=100_000)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repetitions", type=int, default=5)
parser.add_argument("--titles")
parser.add_argument("--model", default="models/all-MiniLM-L6-v2")
parser.add_argument("--vectors")
parser.add_argument("--work")
parser.add_argument("--only", default="exact,compressed,graph")
parser.add_argument("--print", action="store_true")
arguments = parser.parse_args()
turns.set_threads(arguments.threads)
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import faiss  # noqa: E402
import numpy as np  # noqa: E402
import usearch  # noqa: E402
from usearch.index import Index  # noqa: E402

QUERIES = 1000
K = 100
# Queries alone that are timed together, one after the other.
ALONE = 8
SEED = 0
NOISE = 0.5
M, EF_CONSTRUCTION = 16, 128


ROOT = pathlib.Path(__file__).resolve().parents[2]
lines = []


def say(line=""):
    """Prints a line, and keeps it for the page."""
    print(line, flush=True)
    lines.append(line)


def source():
    """The vectors that rows and queries are made of, and what they are."""
    if arguments.titles:
        titles = turns.titles(arguments.titles)
        server = turns.Server(arguments.programs / "encode_server", arguments.model, arguments.threads)
        server.read(titles)
        with tempfile.NamedTemporaryFile(suffix=".f32") as file:
            dim = server.ask(f"write {file.name}")["dim"]
            vectors = np.fromfile(file.name, dtype=np.float32).reshape(-1, dim)
        server.process.stdin.close()
        return vectors, f"{len(titles):,} titles by {pathlib.Path(arguments.model).name}"
    if arguments.vectors:
        return np.load(arguments.vectors).astype(np.float32), f"{pathlib.Path(arguments.vectors).name} (real vectors)"
    rng = np.random.default_rng(SEED)
    centres = rng.standard_normal((200, 384), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    return perturbed(centres, 16_000, rng), "200 random centres"


def perturbed(vectors, n, rng):
    rows = vectors[rng.integers(len(vectors), size=n)]
    rows = rows + rng.standard_normal(rows.shape, dtype=np.float32) * np.float32(NOISE / rows.shape[1] ** 0.5)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def write_data(folder):
    vectors, name = source()
    rng = np.random.default_rng(SEED + 1)
    dim = vectors.shape[1]
    rows_file, queries_file = folder / f"rows-{arguments.rows}.f32", folder / "queries.f32"
    perturbed(vectors, QUERIES, rng).tofile(queries_file)
    if not rows_file.exists() or rows_file.stat().st_size != arguments.rows * dim * 4:
        with open(rows_file, "wb") as file:
            for start in range(0, arguments.rows, 50_000):
                perturbed(vectors, min(50_000, arguments.rows - start), rng).tofile(file)
    return rows_file, queries_file, dim, name


class Server(turns.Server):
    def __init__(self, rows, queries, dim):
        super().__init__(arguments.programs / "top_k_server", rows, queries, dim, arguments.threads)

    def ask(self, *words):
        return super().ask(" ".join(map(str, words)))


def timed(work):
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "result": result}


def median(runs, what):
    return statistics.median(run[what] for run in runs)


def in_turn(engines):
    """Runs every engine once to warm up, and then all of them in turn."""
    runs = {name: [] for name in engines}
    for repetition in range(arguments.repetitions + 1):
        for name, run in engines.items():
            took = run(repetition)
            if repetition:
                runs[name].append(took)
    return runs


def milliseconds(seconds):
    return f"{seconds * 1e3:.3g}" if seconds < 1 else f"{seconds * 1e3:.0f}"


def table(title, runs, ours, per=1):
    """Ratios are a peer's time over ours: above 1, ours is faster."""
    say(f"\n| {title} | wall ms | cpu ms | wall, peer / ours | cpu, peer / ours | |\n|---|---|---|---|---|---|")
    for name, results in runs.items():
        wall, cpu = (median(results, what) for what in ("wall", "cpu"))
        ratios = ["", ""]
        if name != ours:
            ratios = [f"{median(results, what) / max(median(runs[ours], what), 1e-9):.2f}" for what in ("wall", "cpu")]
        note = results[-1].get("note", "")
        say(f"| {name} | {milliseconds(wall / per)} | {milliseconds(cpu / per)} | {ratios[0]} | {ratios[1]} | {note} |")


def exact(server, rows, queries):
    dim = queries.shape[1]
    flat = faiss.IndexFlatIP(dim)
    flat.add(rows)
    default_threshold = faiss.cvar.distance_compute_blas_threshold

    def search(batch, repetition, threshold, times=1):
        faiss.cvar.distance_compute_blas_threshold = threshold
        start = repetition * batch * times % (QUERIES - batch * times)
        took = timed(lambda: [flat.search(queries[start + t * batch :][:batch], K) for t in range(times)])
        faiss.cvar.distance_compute_blas_threshold = default_threshold
        return took

    def check():
        """The same row numbers, but where scores are within rounding of each other."""
        ids = flat.search(queries[:64], K)[1]
        path = pathlib.Path(tempfile.gettempdir()) / f"truth-{os.getpid()}"
        server.ask("truth", len(rows), K, path)
        ours = np.fromfile(path, dtype=np.uint32).reshape(QUERIES, K)[:64]
        path.unlink()
        return np.mean([len(set(a) & set(b)) / K for a, b in zip(ours, ids)])

    say(f"\nThe share of faiss's exact top {K} that is ours, too: {check():.5f}")
    gigabytes = rows.size * 4 / 1e9
    for batch, times in ((1, ALONE), (64, 1)):
        engines = {"rec-search": lambda _: server.ask("exact", batch, K, times)}
        if batch == 1:
            engines["reading all rows"] = lambda _: scaled(server.ask("read"), times)
            engines["faiss IndexFlatIP"] = lambda r: search(1, r, default_threshold, times)
        else:
            engines["faiss IndexFlatIP"] = lambda r: search(batch, r, default_threshold)
            engines["faiss IndexFlatIP, BLAS from 20 queries"] = lambda r: search(batch, r, 20)
            mapped = np.asarray(rows)
            engines["OpenBLAS product alone"] = lambda r: {**timed(lambda: product(queries[:batch], mapped)), "result": None}
        runs = in_turn(engines)
        for results in runs.values():
            for run in results:
                cpu = max(run["cpu"], 1e-9) / times
                rate = gigabytes / cpu * arguments.threads if batch == 1 else 2 * batch * rows.size / cpu / 1e9
                unit = "GB/s of cpu time, all threads" if batch == 1 else "GFLOP/s of cpu time"
                run["note"] = f"{rate:.1f} {unit}"
        table(f"exact, {batch} of {len(rows)} x {dim}, K = {K}", runs, "rec-search", per=times)
        if batch == 1:
            share = median(runs["reading all rows"], "wall") / median(runs["rec-search"], "wall")
            say(f"\nA query alone takes the rows at {100 * share:.0f} % of the rate at which the same threads read and sum them.")


def scaled(took, times):
    return {**took, "wall": took["wall"] * times, "cpu": took["cpu"] * times}


def product(queries, rows):
    for start in range(0, len(rows), 50_000):
        queries @ rows[start : start + 50_000].T


def compressed(server, rows, queries):
    dim = queries.shape[1]
    kinds = {
        "half": faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT),
        "int8": faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT),
        "sign": faiss.IndexBinaryFlat(dim),
    }
    candidates = {"half": 110, "int8": 150, "sign": 5000}
    say("\n| codes | MB | " + " | ".join(f"recall@10 / @100 of {n}" for n in (100, 150, 200, 500, 1000, 5000, 20000)) + " |")
    say("|---|---|" + "---|" * 7)
    for codes in kinds:
        cells = []
        for n in (100, 150, 200, 500, 1000, 5000, 20000):
            if codes != "sign" and n > 1000:
                cells.append("")
                continue
            cells.append(" / ".join(f"{server.ask('recall', codes, n, k)['recall']:.4f}" for k in (10, 100)))
        size = server.ask(codes, 1, 100, 10, 1)["bytes"] / 1e6
        say(f"| {codes} | {size:.0f} | " + " | ".join(cells) + " |")
    for codes, index in kinds.items():
        if codes == "sign":
            for start in range(0, len(rows), 50_000):
                index.add(np.packbits(rows[start : start + 50_000] > 0, axis=1))
        else:
            index.train(rows[:20_000])
            for start in range(0, len(rows), 50_000):
                index.add(rows[start : start + 50_000])

        def search(repetition, batch, times):
            n = candidates[codes]

            def work(start):
                asked = queries[start : start + batch]
                coded = np.packbits(asked > 0, axis=1) if codes == "sign" else asked
                ids = index.search(coded, n)[1]
                for query, of_query in zip(asked, ids):
                    scores = rows[np.sort(of_query)] @ query
                    np.argpartition(-scores, K)[:K]

            start = repetition * batch * times % (QUERIES - batch * times)
            return {**timed(lambda: [work(start + t * batch) for t in range(times)]), "result": None}

        for batch, times in ((1, ALONE), (64, 1)):
            runs = in_turn({
                "rec-search": lambda _: server.ask(codes, batch, candidates[codes], K, times),
                f"faiss {type(index).__name__}, numpy": lambda r: search(r, batch, times),
            })
            table(f"{codes}, {batch} of {len(rows)}, {candidates[codes]} candidates", runs, "rec-search", per=times)
        index.reset()


def recall(found, truth):
    return np.mean([len(set(a[a >= 0]) & set(b)) / len(b) for a, b in zip(found.astype(np.int64), truth.astype(np.int64))])


def graph(server, rows, queries):
    rows = np.array(rows[: arguments.graph_rows])
    n, dim = rows.shape
    flat = faiss.IndexFlatIP(dim)
    flat.add(rows)
    hnsw = faiss.IndexHNSWFlat(dim, M, faiss.METRIC_INNER_PRODUCT)
    hnsw.hnsw.efConstruction = EF_CONSTRUCTION
    other = Index(ndim=dim, metric="ip", dtype="f32", connectivity=M, expansion_add=EF_CONSTRUCTION)
    built = server.ask("build", n, M, EF_CONSTRUCTION, SEED)
    built["note"] = f"{built['bytes'] / 1e6:.0f} MB of links"
    runs = {
        "rec-search Hnsw": [built],
        "faiss IndexHNSWFlat": [timed(lambda: hnsw.add(rows))],
        "usearch": [timed(lambda: other.add(np.arange(n), rows, threads=arguments.threads))],
    }
    table(f"build, {n} x {dim}, m = {M}, ef = {EF_CONSTRUCTION}, once", runs, "rec-search Hnsw")

    for one_in in (1, 2, 10, 100):
        allowed = np.arange(0, n, one_in)
        selector = faiss.IDSelectorBatch(allowed)
        exact = faiss.SearchParameters(sel=selector) if one_in > 1 else None
        truth = flat.search(queries, 10, params=exact)[1]
        for ef in (16, 32, 64, 128, 256) if one_in == 1 else (64, 256):
            parameters = faiss.SearchParametersHNSW(efSearch=ef, sel=selector if one_in > 1 else None)

            def of_faiss(_):
                faiss.omp_set_num_threads(1)
                took = timed(lambda: np.concatenate([hnsw.search(q[None], 10, params=parameters)[1] for q in queries]))
                faiss.omp_set_num_threads(arguments.threads)
                return {**took, "note": f"recall@10 {recall(took['result'], truth):.4f}", "result": None}

            def of_usearch(_):
                other.expansion_search = ef
                took = timed(lambda: np.array([other.search(q, 10, threads=1).keys for q in queries]))
                return {**took, "note": f"recall@10 {recall(took['result'], truth):.4f}", "result": None}

            def ours(_):
                took = server.ask("hnsw", ef, 10, one_in)
                return {**took, "note": f"recall@10 {took['recall']:.4f}"}

            engines = {"rec-search Hnsw": ours, "faiss IndexHNSWFlat": of_faiss}
            if one_in == 1:
                engines["usearch"] = of_usearch
            title = f"a query alone, ef = {ef}" + (f", one row in {one_in} allowed" if one_in > 1 else "")
            table(title, in_turn(engines), "rec-search Hnsw", per=QUERIES)


def main():
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(arguments.work or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows_file, queries_file, dim, name = write_data(folder)
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
        say(f"{datetime.date.today()}, commit {commit}; {platform.machine()}, {cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start, "
            f"{arguments.threads} threads. faiss {faiss.__version__} ({faiss.get_compile_options().strip()}), usearch {usearch.__version__}, numpy "
            f"{np.__version__}. Rows: {name}, with noise {NOISE}, seed {SEED}. Medians of {arguments.repetitions}.")
        rows = np.memmap(rows_file, dtype=np.float32, mode="r").reshape(-1, dim)
        queries = np.fromfile(queries_file, dtype=np.float32).reshape(-1, dim)
        server = Server(rows_file, queries_file, dim)
        for part in arguments.only.split(","):
            {"exact": exact, "compressed": compressed, "graph": graph}[part](server, rows, queries)
        server.process.stdin.close()
        server.process.wait()
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        say(f"\nLoad at the end {os.getloadavg()[0]:.1f}; the server's memory at most {peak:.1f} GB. The whole comparison took "
            f"{(time.perf_counter() - started) / 60:.0f} minutes.")
    if not arguments.print and len(arguments.only.split(",")) == 3:
        turns.write_between(ROOT / "docs/search.md", "<!-- benches/peers/topk writes from here -->", "<!-- to here -->", "\n".join(lines))


main()
