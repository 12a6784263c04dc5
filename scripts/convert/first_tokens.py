#!/usr/bin/env python3
"""Copies a WordPiece model folder with the first N tokens of its vocabulary, which are the most frequent ones, and all single characters.

    scripts/convert/first_tokens.py models/all-MiniLM-L6-v2 OUT 16000

Needs safetensors and numpy. What the result is worth stands in docs/compression.md.
"""
import json
import shutil
import sys
from pathlib import Path

from safetensors.numpy import load_file, save_file

source, folder, n = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
shutil.copytree(source, folder)


def is_kept(token, old):
    return (old < n and not token.startswith("[unused")) or len(token.removeprefix("##")) == 1


tokenizer = json.loads((folder / "tokenizer.json").read_text())
vocabulary = tokenizer["model"]["vocab"]
kept = sorted(old for token, old in vocabulary.items() if is_kept(token, old))
new_of = {old: new for new, old in enumerate(kept)}
tokenizer["model"]["vocab"] = {token: new_of[old] for token, old in vocabulary.items() if old in new_of}
for token in tokenizer["added_tokens"]:
    token["id"] = new_of[token["id"]]
if tokenizer.get("padding"):
    tokenizer["padding"]["pad_id"] = new_of[tokenizer["padding"]["pad_id"]]


def renumber(part):
    """The ids of special tokens, wherever a post-processor has them."""
    if isinstance(part, list):
        for one in part:
            renumber(one)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "ids":
                part[key] = [new_of[old] for old in value]
            elif key in ("sep", "cls") and isinstance(value, list):
                value[1] = new_of[value[1]]
            else:
                renumber(value)


renumber(tokenizer.get("post_processor"))
(folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")))

weights = load_file(folder / "model.safetensors")
for name in weights:
    if name.endswith("word_embeddings.weight"):
        weights[name] = weights[name][kept]
save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

config = json.loads((folder / "config.json").read_text())
config |= {"vocab_size": len(kept), "pad_token_id": new_of[config.get("pad_token_id", 0)]}
(folder / "config.json").write_text(json.dumps(config, indent=2))
print(f"{len(kept)} of {len(vocabulary)} tokens")
