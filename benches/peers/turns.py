"""Runs of several systems in turn: what encoder.py and training.py share. It imports no peer, whose threads read the environment once."""

import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

# Between two runs: threads of the last one have stopped spinning.
PAUSE = 0.02


def set_threads(n):
    """For every library that is imported from here on, and every process that is started."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(n)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    os.environ["HF_HUB_OFFLINE"] = "1"


class Server:
    """A process that answers lines on its standard input with lines of JSON."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the server ended at `{line}`")
        return json.loads(answer)

    def read(self, texts):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("".join(text + "\n" for text in texts))
            file.flush()
            assert self.ask(f"read {file.name}")["texts"] == len(texts), "a text has line breaks"


def timed(work):
    """Seconds of the clock and of all threads of this process."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def in_turn(engines, repetitions, warm=True):
    """Medians over runs in turn, in an order that rotates; every engine runs once before, to warm up."""
    order, runs = list(engines), {name: [] for name in engines}
    for repetition in range(-1 if warm else 0, repetitions):
        order = order[1:] + order[:1]
        for name in order:
            time.sleep(PAUSE)
            run = engines[name]()
            if repetition >= 0:
                runs[name].append(run)
    return {name: {what: statistics.median(run[what] for run in of) for what in ("wall", "cpu")} for name, of in runs.items()}


def plain_words(tokenizer):
    """Tokens that are whole words, and of which any sequence is tokenized to itself."""
    words = [word for word, index in tokenizer.get_vocab().items() if word.isascii() and word.isalpha() and word.islower() and index > 1000]
    return sorted(words)


def write_between(page, begin, end, text):
    """Puts a text between two lines of a page."""
    before, rest = page.read_text().split(begin)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}")


def titles(file):
    """The titles of an item file: its column `title:token_seq`, or one whose name ends so."""
    lines = pathlib.Path(file).read_text().splitlines()
    columns = lines[0].split("\t")
    at = next(i for i, column in enumerate(columns) if column.split(":")[0].endswith("title"))
    return [line.split("\t")[at] for line in lines[1:]]
