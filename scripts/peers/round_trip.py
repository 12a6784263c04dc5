"""Compares vectors of saved folders with those that sentence-transformers computes from them. Called by scripts/peers/round_trip.

Weights of 16 bits are widened before anything is computed, as the library does: what is compared is the folder, not the arithmetic.
"""

import json
import pathlib
import sys

import numpy
import torch
from sentence_transformers import SentenceTransformer

BOUND = 1e-5  # of the largest value, as in the parity suites


def main():
    torch.set_num_threads(1)
    worst, n = 0.0, 0
    for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        kept = json.loads((folder / "kept.json").read_text(encoding="utf-8"))
        model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
        theirs = model.encode(kept["texts"])
        ours = numpy.array(kept["vectors"], numpy.float32)
        error = float(abs(theirs - ours).max() / abs(theirs).max())
        print(f"{folder.name:24} {error:.1e}")
        assert error <= BOUND, folder
        worst, n = max(worst, error), n + 1
    assert n
    print(f"{n} folders, worst {worst:.1e}")


if __name__ == "__main__":
    main()
