"""Trains every model of users of examples/data/models.json with the same settings at two temperatures, judges the one that is better
on the validation targets, and prints the table of docs/models-of-users.md.

    scripts/fetch ml-100k minilm
    cargo build --release --workspace --examples
    target/release/examples/movielens --split data/ml-100k-split
    python3 scripts/docs/users.py target/release/examples OUT --data data/ml-100k-split --target test --model models/all-MiniLM-L6-v2

`--settings` are those of the example `train`, in which the model, the temperature and the lengths are replaced; what else is given
goes to `evaluate`. OUT keeps a folder for each model and temperature, from which a run that was stopped goes on.
"""

import argparse
import json
import pathlib

from programs import judged, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
METRICS = ("recall@10", "ndcg@10")
# Of the softmax: interests that are means of unit vectors want a low one, those that end in a layer norm a high one.
TEMPERATURES = (1.0, 0.1)


def row(name, programs, file, arguments):
    cells = judged(programs, file, *arguments)
    print(f"| {' | '.join([name, *(cells[metric] for metric in METRICS)])} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--settings", type=pathlib.Path, default=ROOT / "examples/data/train.json")
    parser.add_argument("--model", required=True, help="the folder of the text encoder")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--max-len", type=int, default=20, help="events of a history")
    arguments, rest = parser.parse_known_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = json.loads(arguments.settings.read_text(encoding="utf-8")) | {"max_len": arguments.max_len}
    every, warm_up = -(-arguments.steps // 8), {"warm_up_cosine": {"n_warm_up": arguments.steps // 15, "floor": 0.05}}
    settings["trainer"] |= {"n_steps": arguments.steps, "schedule": warm_up}
    settings["trainer"] |= {"validate_every": every, "checkpoint_every": every}
    models = json.loads((ROOT / "examples/data/models.json").read_text(encoding="utf-8"))
    print("| model | recall@10 | nDCG@10 |\n|---|---|---|", flush=True)
    encoder = ["--model", arguments.model]
    row("`Average`, nothing trained", arguments.programs, arguments.out / "text.json", [*rest, *encoder, "--method", "text"])
    for model in models:
        name, runs = model["name"], []
        for temperature in TEMPERATURES:
            file, folder = arguments.out / f"{name}-{temperature}.settings.json", arguments.out / f"{name}-{temperature}"
            objective = {"full_softmax": {"temperature": temperature}}
            file.write_text(json.dumps(settings | {"model": model, "objective": objective}, indent=2), encoding="utf-8")
            run(arguments.programs / "train", file, folder, *encoder)
            steps = (json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
            runs.append((max(step["metric"] for step in steps if "metric" in step), temperature, folder))
        _, temperature, folder = max(runs)
        learned = ["--method", "trained", "--trained", folder / "model"]
        row(f"`{name}`, {temperature}", arguments.programs, arguments.out / f"{name}.json", [*rest, *encoder, *learned])


if __name__ == "__main__":
    main()
