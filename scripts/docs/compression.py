#!/usr/bin/env python3
"""Prints the table of docs/compression.md: runs the example `compress` on two models through all formats and some prunings.

    scripts/fetch ml-100k minilm e5-small
    cargo build -p rec-examples --example compress
    scripts/docs/compression.py target/debug/examples/compress
"""

import subprocess
import sys
import tempfile
from pathlib import Path

root = Path(__file__).resolve().parents[2]
films = root / "data/ml-100k/ml-100k.item"
formats = [["--format", name] for name in ["f32", "f16", "bf16", "block8", "block4"]] + [["--int8"]]
vocabulary = ["--vocabulary", str(films)]
ways = {
    "all-MiniLM-L6-v2": formats + [
        ["--keep-layers", "0,1,2,3,4"],
        ["--keep-layers", "0,2,4,5"],
        ["--keep-layers", "0,2,4"],
        ["--heads", "2"],
        ["--heads", "4"],
        ["--magnitude", "0.3"],
        ["--magnitude", "0.5"],
        vocabulary,
        vocabulary + ["--keep-layers", "0,1,2,3,4", "--format", "block8"],
    ],
    "multilingual-e5-small": formats + [
        ["--keep-layers", "0,1,2,3,4,5,6,7,8,10,11"],
        ["--keep-layers", "0,2,4,6,8,10"],
        ["--heads", "2"],
        ["--magnitude", "0.3"],
        vocabulary,
        vocabulary + ["--format", "block8"],
    ],
}


def measures(program, model, options):
    with tempfile.TemporaryDirectory() as work:
        command = [program, str(root / "models" / model), f"{work}/out", *options]
        report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in report.splitlines()]
    return {row[0]: row[1:] for row in rows if len(row) == 3}


def row(cells):
    print("| " + " | ".join(cells) + " |", flush=True)


columns = {
    "disk": "bytes on disk",
    "memory": "memory once loaded",
    "peak": "most memory while loading",
    "load": "time to load",
    "cosine": "cosine to the original, mean",
    "least": "cosine to the original, least",
    "ranks": "rank correlation of similarities",
    "nDCG@10": "genre retrieval, nDCG@10",
    "kept": "share of it kept",
}
program = sys.argv[1]
for model, options in ways.items():
    print(f"\n{model}\n")
    row(["options", *columns])
    row(["---"] + ["---:"] * len(columns))
    for i, way in enumerate(options):
        report = measures(program, model, way)
        if i == 0:
            row(["the original", *(report[name][0] for name in columns.values())])
        way = [option if option.startswith("--") else Path(option).name for option in way]
        row([f"`{' '.join(way)}`", *(report[name][1] for name in columns.values())])
