"""Distills students of a text encoder on the texts of a catalogue, and prints the table of docs/compression.md: what each weighs, how
fast it is, how like its teacher, and what it is worth to users.

    scripts/fetch ml-100k minilm
    cargo build --release --workspace --examples
    python3 scripts/docs/students.py target/release/examples OUT --texts CATALOGUE.item --data DIR [--target valid --users FILE]

The first columns are what the example `distill` prints, of films, whatever the texts that were learned from; recall@10 is that of
`evaluate --method text` on DIR. OUT keeps the students, and must not have one of them yet.
"""

import argparse
import pathlib

from programs import judged, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
STUDENTS = {
    "4 layers": ["--layers", "0,2,3,5"],
    "3 layers": ["--layers", "0,2,4"],
    "2 layers": ["--layers", "0,3"],
    "8 of 12 heads": ["--heads", "4", "--lr", "3e-5"],
    "table": [],
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models/all-MiniLM-L6-v2", help="the teacher")
    parser.add_argument("--texts", required=True)
    parser.add_argument("--steps", default="3000")
    parser.add_argument("--students", default=",".join(STUDENTS), help="some of these, with commas between")
    arguments, rest = parser.parse_known_args()
    if unknown := set(arguments.students.split(",")) - set(STUDENTS):
        parser.error(f"--students: {', '.join(sorted(unknown))} not among {', '.join(STUDENTS)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    print("| | MB | texts/s | cosine | ranks | genre retrieval | recall@10 |\n|---|---|---|---|---|---|---|", flush=True)

    def row(name, model, cells):
        file = arguments.out / f"{model.name}.json"
        users = judged(arguments.programs, file, *rest, "--method", "text", "--model", model)
        print(f"| {' | '.join([name, *cells, users['recall@10']])} |", flush=True)

    for at, name in enumerate(arguments.students.split(",")):
        options, folder = STUDENTS[name], arguments.out / name.replace(" ", "-")
        learning = ["--texts", arguments.texts, "--steps", arguments.steps] if options else []
        text = run(arguments.programs / "distill", arguments.model, folder, *options, *learning)
        lines = (line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| "))
        # Without the dimensions.
        cells = {line[0]: [line[1], *line[3:]] for line in lines if len(line) == 7}
        if at == 0:
            row("teacher", arguments.model, cells["teacher"])
        if "student, untrained" in cells:
            print(f"| {name}, untrained | {' | '.join(cells['student, untrained'])} | |", flush=True)
        row(name, folder, cells["student"])


if __name__ == "__main__":
    main()
