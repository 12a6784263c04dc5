"""Writes all of the paraphrase-MiniLM-L3-v2 folder except its weights, in the sentence-transformers layout.

Both MiniLM models read bert-base-uncased's vocabulary, so the tokenizer and the licence text come from the folder of
all-MiniLM-L6-v2. What differs is three layers instead of six, mean pooling without normalisation, and 128 tokens at most.

    python minilm_l3_folder.py FOLDER_OF_ALL_MINILM_L6_V2 OUT
"""

import json
import pathlib
import shutil
import sys

NOTICE = """\
sentence-transformers/paraphrase-MiniLM-L3-v2, licensed under the Apache License 2.0 (see LICENSE).
The weights are the fp32 tensors of an ONNX export of that model, renamed and transposed back, values unchanged.
"""


def write_json(path, value):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    source, out = (pathlib.Path(argument) for argument in sys.argv[1:3])

    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config["num_hidden_layers"] = 3
    config["_name_or_path"] = "sentence-transformers/paraphrase-MiniLM-L3-v2"
    write_json(out / "config.json", config)

    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    # Padding to a fixed length is a habit of the other model's export, not part of the vocabulary.
    tokenizer["padding"]["strategy"] = "BatchLongest"
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")

    tokenizer_config = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokenizer_config["name_or_path"] = config["_name_or_path"]
    write_json(out / "tokenizer_config.json", tokenizer_config)

    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    write_json(
        out / "modules.json",
        [
            {"idx": idx, "name": str(idx), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for idx, (path, kind) in enumerate(modules)
        ],
    )
    write_json(
        out / "1_Pooling" / "config.json",
        {
            "word_embedding_dimension": config["hidden_size"],
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    )
    write_json(out / "sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False})
    for name in ("LICENSE", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(source / name, out / name)
    (out / "NOTICE").write_text(NOTICE, encoding="utf-8")


if __name__ == "__main__":
    main()
