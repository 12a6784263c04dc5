"""Recovers a BERT checkpoint (safetensors, PyTorch names and layout) from an ONNX export of the same model.

An exporter keeps the names of embeddings, LayerNorms and biases, but folds each linear weight into an anonymous, transposed
initialiser. That weight is found again through the graph: it is the constant operand of the MatMul whose output is added to
the named bias.

    python onnx_to_safetensors.py --prefix model.0.auto_model. MODEL.onnx OUT.safetensors
"""

import argparse
import os
import re

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file


def linear_weights(graph, constants):
    """Yields (name of the bias, weight [out, in]) of every linear layer in the graph."""
    weight_of = {
        node.output[0]: node.input[1]
        for node in graph.node
        if node.op_type == "MatMul" and node.input[1] in constants
    }
    for node in graph.node:
        if node.op_type != "Add":
            continue
        for product, bias in (node.input, reversed(node.input)):
            if product in weight_of and bias in constants:
                yield bias, np.ascontiguousarray(constants[weight_of[product]].T)


def expected_names(layers):
    """The tensors of a BERT encoder without its pooler."""
    yield from (f"embeddings.{table}_embeddings.weight" for table in ("word", "position", "token_type"))
    yield from (f"embeddings.LayerNorm.{part}" for part in ("weight", "bias"))
    modules = [f"attention.self.{projection}" for projection in ("query", "key", "value")]
    modules += ["attention.output.dense", "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"]
    for layer in range(layers):
        for module in modules:
            yield from (f"encoder.layer.{layer}.{module}.{part}" for part in ("weight", "bias"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefix", default="", help="what precedes 'embeddings.' and 'encoder.' in the graph's names")
    parser.add_argument("onnx")
    parser.add_argument("out")
    options = parser.parse_args()

    graph = onnx.load(options.onnx).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    tensors = {
        name.removeprefix(options.prefix): array for name, array in constants.items() if name.startswith(options.prefix)
    }
    for bias, weight in linear_weights(graph, constants):
        name = bias.removeprefix(options.prefix).removesuffix("bias") + "weight"
        if name in tensors:
            raise SystemExit(f"{name}: two MatMuls lead to the same bias")
        tensors[name] = weight

    # Counted from the names that the graph has, so that a layer which lost a tensor is noticed.
    layers = 1 + max(int(found[1]) for name in tensors if (found := re.match(r"encoder\.layer\.(\d+)\.", name)))
    expected = set(expected_names(layers))
    if expected != tensors.keys():
        raise SystemExit(f"missing {sorted(expected - tensors.keys())}, unexpected {sorted(tensors.keys() - expected)}")

    tensors = {name: np.ascontiguousarray(tensors[name], dtype=np.float32) for name in sorted(tensors)}
    save_file(tensors, options.out, metadata={"format": "pt"})
    print(f"{len(tensors)} tensors, {sum(array.size for array in tensors.values())} parameters, {layers} layers")


if __name__ == "__main__":
    main()
