"""Writes multilingual-e5-small as a sentence-transformers folder from a packed 4-bit file and a tokenizer.json.

The packed file (magic `E5S1`, little-endian) is, in this order:

    u32 version; i32 hidden, layers, heads, feed-forward, vocabulary, positions, token types; f32 layer-norm epsilon
    i32 block size; i32 pieces, bos, eos, pad, unk; u64 bytes of piece text; u32 offsets[pieces + 1]; f32 scores[pieces]
    piece text; i32; u32 n and n bytes; i32 tensors, and for each: u16 n and n bytes of name, u8 type, u32 values,
    u64 offset from the start of the file, u64 bytes

Matrices are 4-bit blocks of 32 values: one f16 scale, then 16 bytes whose low halves are the first 16 values and whose high
halves are the others, each minus 8. All else is f32. The weights that come out are those of the packed file exactly, in
f16: what 4 bits lost is lost.

    python e5_small_folder.py PACKED TOKENIZER_JSON OUT
"""

import json
import pathlib
import shutil
import struct
import sys

import numpy as np
from safetensors.numpy import save_file

NOTICE = """\
intfloat/multilingual-e5-small, licensed under the MIT License.
The weights went through 4-bit blocks of 32 values and are stored here in f16, so vectors differ from the original's.
"""


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values if len(values) > 1 else values[0]

    def skip(self, n_bytes):
        self.at += n_bytes


def read(data):
    """The sizes and the tensors' places."""
    reader = Reader(data)
    if data[:4] != b"E5S1":
        sys.exit("not a packed E5 model")
    reader.skip(4)
    reader.take("I")
    names = ("hidden", "layers", "heads", "feed_forward", "vocabulary", "positions", "types")
    sizes = dict(zip(names, reader.take("7i")))
    sizes["epsilon"] = reader.take("f")
    if reader.take("i") != 32:
        sys.exit("blocks are not of 32 values")
    n_pieces = reader.take("5i")[0]
    n_text = reader.take("Q")
    reader.skip(4 * (n_pieces + 1) + 4 * n_pieces + n_text)
    reader.take("i")
    reader.skip(reader.take("I"))
    places = {}
    for _ in range(reader.take("i")):
        n_name = reader.take("H")
        name = data[reader.at : reader.at + n_name].decode()
        reader.skip(n_name)
        reader.take("B")
        reader.take("I")
        places[name] = reader.take("QQ")
    return sizes, places


def main():
    packed, tokenizer, out = (pathlib.Path(argument) for argument in sys.argv[1:4])
    data = packed.read_bytes()
    sizes, places = read(data)
    hidden, feed_forward = sizes["hidden"], sizes["feed_forward"]

    def values(name, *shape):
        offset, n_bytes = places[name]
        return np.frombuffer(data, "<f4", n_bytes // 4, offset).reshape(shape or -1)

    def matrix(name, rows, columns):
        blocks = np.frombuffer(data, np.uint8, rows * columns // 32 * 18, places[name][0]).reshape(-1, 18)
        scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
        halves = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
        return ((halves.astype(np.float32) - 8.0) * scales).reshape(rows, columns)

    tensors = {
        "embeddings.word_embeddings.weight": matrix("emb.word", sizes["vocabulary"], hidden),
        "embeddings.position_embeddings.weight": values("emb.pos", -1, hidden),
        "embeddings.token_type_embeddings.weight": values("emb.type", -1, hidden),
        "embeddings.LayerNorm.weight": values("emb.ln.w"),
        "embeddings.LayerNorm.bias": values("emb.ln.b"),
    }
    linears = {
        "attention.self.query": ("q", hidden, hidden),
        "attention.self.key": ("k", hidden, hidden),
        "attention.self.value": ("v", hidden, hidden),
        "attention.output.dense": ("ao", hidden, hidden),
        "intermediate.dense": ("fi", feed_forward, hidden),
        "output.dense": ("fo", hidden, feed_forward),
    }
    norms = {"attention.output.LayerNorm": "aln", "output.LayerNorm": "oln"}
    for layer in range(sizes["layers"]):
        for name, (short, rows, columns) in linears.items():
            tensors[f"encoder.layer.{layer}.{name}.weight"] = matrix(f"l{layer}.{short}.w", rows, columns)
            tensors[f"encoder.layer.{layer}.{name}.bias"] = values(f"l{layer}.{short}.b")
        for name, short in norms.items():
            tensors[f"encoder.layer.{layer}.{name}.weight"] = values(f"l{layer}.{short}.w")
            tensors[f"encoder.layer.{layer}.{name}.bias"] = values(f"l{layer}.{short}.b")
    tensors = {name: np.ascontiguousarray(value, dtype=np.float16) for name, value in tensors.items()}

    def write(name, value):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")

    write(
        "config.json",
        {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_act": "gelu",
            "hidden_size": hidden,
            "intermediate_size": feed_forward,
            "layer_norm_eps": float(f"{sizes['epsilon']:.3g}"),
            "max_position_embeddings": sizes["positions"],
            "num_attention_heads": sizes["heads"],
            "num_hidden_layers": sizes["layers"],
            "pad_token_id": 0,
            "position_embedding_type": "absolute",
            "type_vocab_size": sizes["types"],
            "vocab_size": sizes["vocabulary"],
        },
    )
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    write(
        "modules.json",
        [
            {"idx": idx, "name": str(idx), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for idx, (path, kind) in enumerate(modules)
        ],
    )
    write("1_Pooling/config.json", {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True})
    write("sentence_bert_config.json", {"max_seq_length": 512, "do_lower_case": False})
    # The model's card asks for them; its own folder does not name them.
    write("config_sentence_transformers.json", {"prompts": {"query": "query: ", "passage": "passage: "}})
    shutil.copy(tokenizer, out / "tokenizer.json")
    (out / "NOTICE").write_text(NOTICE, encoding="utf-8")
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
