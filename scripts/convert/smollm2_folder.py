"""Writes SmolLM2-135M-Instruct as a sentence-transformers folder from a GGUF file.

GGUF, little-endian: magic, u32 version, u64 tensors, u64 entries; each entry a key, u32 type and value; each tensor a name, u32
dimensions, their sizes (the innermost first), u32 type, u64 offset into the data, which begins at the next multiple of 32. Strings
are a u64 length and UTF-8. Types of tensors here: 0 is f32; 3 (Q4_1) is blocks of 32 values: f16 scale, f16 minimum, 16 bytes whose
low halves are the first 16 values and whose high halves are the others; 8 (Q8_0) is blocks of an f16 scale and 32 signed bytes.

Queries and keys stand there with neighbouring rows to be rotated together; transformers rotates row i with row i + 32 of a head.
The weights that come out are those of the GGUF file, rounded to f16: what 4 bits lost is lost. The tokenizer is made of the file's
tokens and merges: digits one by one, then GPT-2's byte-level splits. The model was not trained to embed texts: mean pooling here.

    python smollm2_folder.py GGUF OUT
"""

import json
import math
import pathlib
import struct
import sys

import numpy as np
from safetensors.numpy import save_file

NOTICE = """\
HuggingFaceTB/SmolLM2-135M-Instruct, licensed under the Apache License 2.0.
The weights went through 4-bit and 8-bit blocks of 32 values and are stored here in f16, so states differ from the original's.
"""
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY, SPECIAL = 8, 9, 3


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        (value,) = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return value

    def string(self):
        n_bytes = self.take("Q")
        self.at += n_bytes
        return self.data[self.at - n_bytes : self.at].decode()

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            kind, length = self.take("I"), self.take("Q")
            return [self.value(kind) for _ in range(length)]
        return self.take(SCALARS[kind])


def read(data):
    """The entries, and a function that gives a tensor by its name."""
    if data[:4] != b"GGUF":
        sys.exit("not a GGUF file")
    reader = Reader(data)
    reader.take("Q")
    n_tensors, n_entries = reader.take("Q"), reader.take("Q")
    entries, places = {}, {}
    for _ in range(n_entries):
        key = reader.string()
        entries[key] = reader.value(reader.take("I"))
    for _ in range(n_tensors):
        name = reader.string()
        shape = [reader.take("Q") for _ in range(reader.take("I"))][::-1]
        places[name] = (shape, reader.take("I"), reader.take("Q"))
    start = -(-reader.at // 32) * 32

    def tensor(name):
        shape, kind, offset = places[name]
        size, at = math.prod(shape), start + offset
        if kind == 0:
            return np.frombuffer(data, "<f4", size, at).reshape(shape)
        n_bytes = {3: 20, 8: 34}[kind]
        blocks = np.frombuffer(data, np.uint8, size // 32 * n_bytes, at).reshape(-1, n_bytes)

        def half(column):
            return blocks[:, column : column + 2].copy().view("<f2").astype(np.float32)

        if kind == 8:
            values = blocks[:, 2:].view(np.int8).astype(np.float32) * half(0)
        else:
            nibbles = np.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], axis=1)
            values = nibbles.astype(np.float32) * half(0) + half(2)
        return values.reshape(shape)

    return entries, tensor


def halves_together(matrix, heads):
    """Rows of each head from pairs (0, 1), (2, 3), ... to halves (0, n / 2), (1, n / 2 + 1), ..."""
    rows, columns = matrix.shape
    return matrix.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def weights(entries, tensor):
    heads, groups = entries["llama.attention.head_count"], entries["llama.attention.head_count_kv"]
    tensors = {"embed_tokens.weight": tensor("token_embd.weight"), "norm.weight": tensor("output_norm.weight")}
    names = {
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    for layer in range(entries["llama.block_count"]):
        for name, short in names.items():
            values = tensor(f"blk.{layer}.{short}.weight")
            if short in ("attn_q", "attn_k"):
                values = halves_together(values, heads if short == "attn_q" else groups)
            tensors[f"layers.{layer}.{name}.weight"] = values
    return {name: np.ascontiguousarray(value, dtype=np.float16) for name, value in tensors.items()}


def tokenizer(entries):
    tokens, kinds = entries["tokenizer.ggml.tokens"], entries["tokenizer.ggml.token_type"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": n, "content": token} | flags for n, (token, kind) in enumerate(zip(tokens, kinds)) if kind == SPECIAL
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: n for n, token in enumerate(tokens)},
            "merges": entries["tokenizer.ggml.merges"],
        },
    }


def main():
    gguf, out = (pathlib.Path(argument) for argument in sys.argv[1:3])
    entries, tensor = read(gguf.read_bytes())

    def write(name, value):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    hidden = entries["llama.embedding_length"]
    write(
        "config.json",
        {
            "architectures": ["LlamaModel"],
            "model_type": "llama",
            "attention_bias": False,
            "bos_token_id": entries["tokenizer.ggml.bos_token_id"],
            "eos_token_id": entries["tokenizer.ggml.eos_token_id"],
            "pad_token_id": entries["tokenizer.ggml.padding_token_id"],
            "hidden_act": "silu",
            "hidden_size": hidden,
            "intermediate_size": entries["llama.feed_forward_length"],
            "max_position_embeddings": entries["llama.context_length"],
            "mlp_bias": False,
            "num_attention_heads": entries["llama.attention.head_count"],
            "num_hidden_layers": entries["llama.block_count"],
            "num_key_value_heads": entries["llama.attention.head_count_kv"],
            "rms_norm_eps": float(f"{entries['llama.attention.layer_norm_rms_epsilon']:.3g}"),
            "rope_scaling": None,
            "rope_theta": entries["llama.rope.freq_base"],
            "tie_word_embeddings": True,
            "torch_dtype": "float16",
            "vocab_size": entries["llama.vocab_size"],
        },
    )
    tokens = entries["tokenizer.ggml.tokens"]
    names = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    write(
        "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": entries["llama.context_length"]}
        | {f"{short}_token": tokens[entries[f"tokenizer.ggml.{name}_token_id"]] for short, name in names.items()},
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
    write("tokenizer.json", tokenizer(entries))
    (out / "NOTICE").write_text(NOTICE, encoding="utf-8")
    save_file(weights(entries, tensor), out / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
