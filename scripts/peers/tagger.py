"""Trains NLTK's averaged perceptron on tagged text and says how often it is right: the peer of rec-text's tagger.

    pip install nltk==3.10.4
    python scripts/peers/tagger.py TRAIN.tsv TEST.tsv [TEST.tsv ...]

The files are those of the example `train_tagger`: a word, a tab and its tag in each line, an empty line after a sentence.
"""

import argparse
import importlib.metadata
import pathlib
import platform
import random
import time

from nltk.tag.perceptron import PerceptronTagger


def read(path):
    blocks = pathlib.Path(path).read_text(encoding="utf-8").split("\n\n")
    sentences = [[tuple(line.split("\t")) for line in block.split("\n") if line] for block in blocks]
    return [sentence for sentence in sentences if sentence]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    versions = f"nltk {importlib.metadata.version('nltk')}, python {platform.python_version()}"
    print(f"{versions}, {args.epochs} epochs, seed {args.seed}")
    random.seed(args.seed)
    tagger = PerceptronTagger(load=False)
    tagger.train(read(args.train), nr_iter=args.epochs)
    weights = tagger.model.weights.values()
    print(f"{len(weights)} features, {sum(len(row) for row in weights)} weights")
    for path in args.tests:
        sentences = read(path)
        words = [[word for word, _ in sentence] for sentence in sentences]
        began = time.perf_counter()
        tagged = [tagger.tag(sentence) for sentence in words]
        seconds = time.perf_counter() - began
        pairs = [(a, b) for right, given in zip(sentences, tagged) for (_, a), (_, b) in zip(right, given, strict=True)]
        right = sum(a == b for a, b in pairs)
        share = 100 * right / len(pairs)
        print(f"{path}: {right} of {len(pairs)} words right, {share:.2f} %, {len(pairs) / seconds:.0f} words a second")


if __name__ == "__main__":
    main()
