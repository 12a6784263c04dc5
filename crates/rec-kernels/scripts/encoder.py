"""Forward passes of all-MiniLM-L6-v2's shape in PyTorch, ONNX Runtime and this crate, side by side on two threads.

    cargo build --release -p rec-kernels --example roofline
    python encoder.py roofline model.onnx [--weights DIR] [--repetitions N] [--threads N]

`roofline` is the program that cargo built, `model.onnx` the model in fp32, `DIR` a folder with the model for transformers
(without it, PyTorch runs on random weights). Token ids are random; no padding. The programs take turns in every
repetition, in an order that rotates, so that what else the machine does falls on all of them; ratios are of medians. Rates
count matrix products and attention only. The second line of a shape has the fastest run of each, and
the third the least processor time (from Linux), which other processes on the machine hardly change: PyTorch and ONNX Runtime
spend some of it waiting.
"""
import argparse
import os
import subprocess
import time
from statistics import median

import numpy as np

SHAPES = [(32, 16), (32, 64), (32, 128), (8, 256), (1, 16), (1, 128), (1, 512)]
D_MODEL, D_FF, N_LAYERS, VOCABULARY = 384, 1536, 6, 30522


def flops(batch, length):
    rows = batch * length * N_LAYERS
    return 2 * rows * (4 * D_MODEL**2 + 2 * D_MODEL * D_FF) + 4 * rows * length * D_MODEL


def processor_time(pid):
    """Seconds that all threads of a process have run."""
    tasks = f"/proc/{pid}/task"
    return sum(int(open(f"{tasks}/{task}/schedstat").read().split()[0]) for task in os.listdir(tasks)) / 1e9


def torch_model(weights):
    import torch
    from transformers import BertConfig, BertModel

    if weights:
        model = BertModel.from_pretrained(weights, add_pooling_layer=False)
    else:
        config = BertConfig(vocab_size=VOCABULARY, hidden_size=D_MODEL, num_hidden_layers=N_LAYERS,
                            num_attention_heads=12, intermediate_size=D_FF)
        model = BertModel(config, add_pooling_layer=False)
    model.eval()

    def run(ids):
        ids = torch.from_numpy(ids)
        start = time.perf_counter()
        with torch.inference_mode():
            model(input_ids=ids)
        return time.perf_counter() - start

    return run


def onnx_model(path, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_inputs()]

    def run(ids):
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        feed = {name: feed[name] for name in names}
        start = time.perf_counter()
        session.run(None, feed)
        return time.perf_counter() - start

    return run


def our_model(program, threads):
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    process = subprocess.Popen([program, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env=environment)

    def run(ids):
        process.stdin.write(f"{ids.shape[0]} {ids.shape[1]}\n")
        process.stdin.flush()
        return float(process.stdout.readline()) / 1e3

    return run, process.pid


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("onnx")
    parser.add_argument("--weights")
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shapes", nargs="*", default=[f"{batch}x{length}" for batch, length in SHAPES])
    arguments = parser.parse_args()
    import onnxruntime
    import torch
    import transformers

    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, onnxruntime {onnxruntime.__version__}, "
          f"{arguments.threads} threads, medians of {arguments.repetitions}, load {os.getloadavg()[0]:.1f}")
    programs = {
        "torch": (torch_model(arguments.weights), os.getpid()),
        "onnx": (onnx_model(arguments.onnx, arguments.threads), os.getpid()),
        "ours": our_model(arguments.program, arguments.threads),
    }
    print(f"{'shape':>8} {'torch':>16} {'onnx':>16} {'ours':>16} {'/torch':>7} {'/onnx':>7}   ms (GFLOP/s), best of each below")
    random = np.random.default_rng(0)
    for shape in arguments.shapes:
        batch, length = map(int, shape.split("x"))
        ids = random.integers(1000, VOCABULARY - 1, (batch, length)).astype(np.int64)
        times, processor_times = ({name: [] for name in programs} for _ in range(2))
        order = list(programs)
        for repetition in range(-2, arguments.repetitions):
            order = order[1:] + order[:1]
            for name in order:
                run, pid = programs[name]
                before = processor_time(pid)
                seconds = run(ids)
                if repetition >= 0:
                    times[name].append(seconds)
                    processor_times[name].append(processor_time(pid) - before)
        for title, of, values in ((shape, median, times), ("min", min, times), ("cpu", min, processor_times)):
            figures = {name: of(values[name]) for name in programs}
            cells = " ".join(f"{1e3 * s:8.2f} ({flops(batch, length) / s / 1e9:5.1f})" for s in figures.values())
            ratios = " ".join(f"{figures[name] / figures['ours']:7.2f}" for name in ("torch", "onnx"))
            print(f"{title:>8} {cells} {ratios}", flush=True)


if __name__ == "__main__":
    main()
