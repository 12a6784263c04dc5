"""Compares score_run with ranx, ir-measures and pytrec_eval, user by user.

    python scripts/peers/metrics.py SCORE_RUN

Runs and judgements: the worked example of Microsoft Recommenders' tests, 200 random users with graded gains, short and empty
lists and users without anything relevant, and the same without grades. Scores within a list differ: how ties are broken is a
matter of definition (by id here, by descending document number in trec_eval), and not of digits.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import ir_measures
import numpy as np
import pytrec_eval
import ranx

TOLERANCE = 1e-9

# Ours: pytrec_eval's, ir-measures', ranx's, where the definition is the same.
METRICS = {
    "precision@5": ("P_5", "P@5", "precision@5"),
    "precision@10": ("P_10", "P@10", "precision@10"),
    "recall@5": ("recall_5", "R@5", "recall@5"),
    "recall@10": ("recall_10", "R@10", "recall@10"),
    "hit_rate@10": ("success_10", "Success@10", "hit_rate@10"),
    "map": ("map", "AP", "map"),
    "map@10": ("map_cut_10", "AP@10", "map@10"),
    "mrr": ("recip_rank", "RR", "mrr"),
    "mrr@10": (None, "RR@10", "mrr@10"),
    "ndcg": ("ndcg", "nDCG", "ndcg"),
    "ndcg@10": ("ndcg_cut_10", "nDCG@10", "ndcg@10"),
    "ndcg_exp@10": (None, None, "ndcg_burges@10"),
    "r_precision": ("Rprec", "Rprec", "r-precision"),
    "f1@10": (None, None, "f1@10"),
}


def worked_example():
    qrels = {"u1": [1, 2, 3], "u2": [1, 4, 5, 6, 7], "u3": [2, 5, 6, 8, 9, 10, 11, 12, 13, 14]}
    run = {"u1": [3, 10, 12], "u2": [10, 3, 5, 11, 13], "u3": [4, 10, 7, 13, 1, 3, 5, 2, 11, 14]}
    return (
        {user: {f"d{item}": 1 for item in items} for user, items in qrels.items()},
        {user: {f"d{item}": 100.0 - rank for rank, item in enumerate(items)} for user, items in run.items()},
    )


def random_lists(seed, n_grades):
    rng = np.random.default_rng(seed)
    qrels, run = {}, {}
    for user in range(200):
        judged = rng.choice(60, size=rng.integers(1, 20), replace=False)
        # Grade 0 is judged and not relevant; some users have nothing else.
        grades = rng.integers(0, n_grades + 1, size=len(judged)) * int(user % 20 != 0)
        qrels[f"u{user}"] = {f"d{item}": int(grade) for item, grade in zip(judged, grades)}
        length = int(rng.choice([1, 5, 30]))
        items = rng.choice(60, size=length, replace=False)
        if user % 25 != 1:
            run[f"u{user}"] = {f"d{item}": float(length - rank) for rank, item in enumerate(items)}
    return qrels, run


def ours(program, qrels, run):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        lines = [f"{user} 0 {item} {grade}" for user, items in qrels.items() for item, grade in items.items()]
        (folder / "qrels").write_text("\n".join(lines) + "\n")
        lines = [f"{user} Q0 {item} 0 {score} t" for user, items in run.items() for item, score in items.items()]
        (folder / "run").write_text("\n".join(lines) + "\n")
        command = [program, folder / "qrels", folder / "run", *METRICS, "--users"]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["users"]


def peers(qrels, run):
    """For each peer a function from the place of its name to values by user."""
    # Every measure at its usual cut-offs: names of single ones are not parsed in all versions.
    trec = pytrec_eval.RelevanceEvaluator(qrels, pytrec_eval.supported_measures)
    trec = trec.evaluate(run)
    # A list that is not there is an empty list; ranx wants every user in both.
    whole = {user: run.get(user) or {"nothing": 0.0} for user in qrels}
    ranx_qrels = ranx.Qrels({user: {i: g for i, g in items.items() if g > 0} or {"none": 1} for user, items in qrels.items()})
    ranx_run = ranx.Run(whole)

    def by_trec(name):
        return {user: values[name] for user, values in trec.items()}

    def by_ir(name):
        measure = ir_measures.parse_measure(name)
        return {value.query_id: value.value for value in measure.iter_calc(qrels, run)}

    def by_ranx(name):
        values = ranx.evaluate(ranx_qrels, ranx_run, name, return_mean=False)
        return dict(zip(ranx_run.keys(), values))

    return {"pytrec_eval": by_trec, "ir-measures": by_ir, "ranx": by_ranx}


def main():
    program = sys.argv[1]
    failed = False
    cases = {
        "worked example": worked_example(),
        "random, graded": random_lists(1, 3),
        "random, binary": random_lists(2, 1),
    }
    for case, (qrels, run) in cases.items():
        relevant = {user for user, items in qrels.items() if any(grade > 0 for grade in items.values())}
        values = ours(program, qrels, run)
        print(f"\n{case}: {len(relevant)} users with something relevant, of {len(qrels)}")
        print(f"{'metric':<14} {'ours':>12}   largest difference of a user to " + ", ".join(peers(qrels, run)))
        for metric, names in METRICS.items():
            assert set(values[metric]) == relevant, metric
            cells = []
            for (peer, by), name in zip(peers(qrels, run).items(), names):
                if name is None:
                    cells.append(f"{'-':>9}")
                    continue
                theirs = by(name)
                # Users without a list are missing there, and 0 here.
                difference = max(abs(values[metric][user] - theirs.get(user, 0.0)) for user in relevant)
                failed |= not difference <= TOLERANCE
                cells.append(f"{difference:9.1e}")
            mean = sum(values[metric].values()) / len(relevant)
            print(f"{metric:<14} {mean:12.9f}   " + " ".join(cells))
    if failed:
        sys.exit("a digit differs")
    print("\nall digits agree")


if __name__ == "__main__":
    main()
