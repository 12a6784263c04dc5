"""The programs that the tables of the documents come from, and what they report."""

import json
import subprocess
import sys


def run(*command):
    """What a program prints; if it fails, this ends with what it said."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def judged(programs, file, *arguments):
    """Each metric that `evaluate` writes to a file, with its interval, as a cell of a table."""
    run(programs / "evaluate", *arguments, "--k", "10", "--json", file)
    report = json.loads(file.read_text(encoding="utf-8"))["report"]
    cells = {}
    for one in report["metrics"]:
        if one["interval"]:
            values = one["value"], one["interval"]["low"], one["interval"]["high"]
            cells[one["metric"]] = "{} [{}, {}]".format(*(f"{value:.4f}".lstrip("0") for value in values))
    return cells
