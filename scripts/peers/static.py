"""Opens a static model that rec-encoder saved with model2vec and with sentence-transformers, and compares their vectors with ours.

    pip install -r scripts/fixtures/requirements-static.txt
    python scripts/peers/static.py FOLDER TEXTS.txt VECTORS.npy

FOLDER comes from the example `distill`, VECTORS from the example `embed` with FOLDER as its model and the lines of TEXTS. With f16 tables
model2vec rounds means and vectors to half precision, and that bounds how close they can be. Texts with unknown words differ by design
between the two libraries; we do as model2vec does.
"""

import argparse
import importlib.metadata
import pathlib

import numpy as np
from model2vec import StaticModel
from sentence_transformers import SentenceTransformer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("texts")
    parser.add_argument("vectors")
    args = parser.parse_args()

    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("model2vec", "sentence-transformers")))
    texts = pathlib.Path(args.texts).read_text(encoding="utf-8").splitlines()
    ours = np.load(args.vectors).astype(np.float32)
    model = StaticModel.from_pretrained(args.folder)
    tolerance = 1e-3 if model.embedding.dtype == np.float16 else 2e-6
    # Without an unknown word both libraries mean the same.
    known = np.array([model.unk_token_id not in encoding.ids for encoding in model.tokenizer.encode_batch(texts)])
    theirs = {
        "model2vec": (model.encode(texts).astype(np.float32), np.full(len(texts), True)),
        "sentence-transformers": (SentenceTransformer(args.folder, device="cpu").encode(texts).astype(np.float32), known),
    }
    assert ours.shape == (len(texts), model.dim), ours.shape
    for name, (vectors, compared) in theirs.items():
        difference = np.abs(ours - vectors)[compared].max()
        print(f"{name}: {compared.sum()} of {len(texts)} texts, {model.embedding.dtype}, largest difference {difference:.1e}")
        assert difference <= tolerance, (name, difference)


if __name__ == "__main__":
    main()
