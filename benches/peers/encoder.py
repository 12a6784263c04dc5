"""Times rec-encoder beside PyTorch, ONNX Runtime, sentence-transformers and fastembed on all-MiniLM-L6-v2 in f32, and writes the
tables of docs/performance.md, between its markers, and docs/throughput.svg.

    python benches/peers/encoder.py PROGRAMS [--titles data/ml-100k/ml-100k.item] [--model models/all-MiniLM-L6-v2] [--onnx FILE]
                                    [--threads 2] [--repetitions 11] [--passes 2] [--first N] [--candle PROGRAM] [--note TEXT]
                                    [--print]

PROGRAMS is the folder with the examples `encode_server` and `roofline`, PROGRAM the binary of benches/peers/candle;
`benches/peers/encoder` builds them, makes the environment and runs this. TITLES is an item file with a column `title:token_seq`; --first takes its first N only. Without --onnx
the model is exported from PyTorch; name a file whose attention is fused to meet ONNX Runtime at its best, which is up to a sixth
faster. --print writes no files.

All run in f32 on as many threads, and take turns within every repetition, in an order that rotates; figures are medians of
--repetitions, and of --passes for the catalogue and the mixed lengths. "cpu" is the time of all threads of the process: on a machine
that others use, too, it says more than the clock, though threads that spin while they wait add to it.

One text: "one after the other" is the median of 20 calls without a pause, of which there are --repetitions; "after a pause" of a
call after 20 ms in which threads fell asleep and other systems ran. ONNX Runtime is there twice: as it comes its threads spin while
they wait, which costs other processes theirs; with `session.intra_op.allow_spinning` off they sleep.

Eight bits: rec-encoder's own (`TextEncoder::with_int8`), and ONNX Runtime's dynamic quantization of the same model
(`quantize_dynamic`, signed bytes for weights, a scale for each column).

Dense batches: rec-encoder gets texts of random words that are one token each, and gives vectors; PyTorch and ONNX Runtime get the
tokens of the same texts, without padding, and give token states, and so does candle. So tokenizing and pooling count for rec-encoder alone.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import tempfile
import time

import turns
from turns import in_turn, plain_words, timed

parser = argparse.ArgumentParser()
parser.add_argument("programs", type=pathlib.Path)
parser.add_argument("--titles", default="data/ml-100k/ml-100k.item")
parser.add_argument("--model", default="models/all-MiniLM-L6-v2")
parser.add_argument("--onnx", type=pathlib.Path)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repetitions", type=int, default=11)
parser.add_argument("--passes", type=int, default=2)
parser.add_argument("--first", type=int)
parser.add_argument("--candle", type=pathlib.Path)
parser.add_argument("--note", default="")
parser.add_argument("--print", action="store_true")
arguments = parser.parse_args()
turns.set_threads(arguments.threads)

import fastembed  # noqa: E402
import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: E402
import sentence_transformers  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE, CHART = ROOT / "docs/performance.md", ROOT / "docs/throughput.svg"
OURS, OURS_INT8 = "rec-encoder", "rec-encoder in eight bits"
ONNX, ONNX_INT8, ONNX_ASLEEP = "ONNX Runtime", "ONNX Runtime, dynamic int8", "ONNX Runtime, without spinning"
# Calls of a burst.
BURST = 20
SHAPES = [(32, 16), (32, 64), (32, 128), (8, 256)]
GRID_BATCHES, GRID_LENGTHS, GRID_TOKENS = (1, 8, 32, 128), (8, 16, 32, 64, 128, 256), 8192
D_MODEL, D_FF, N_LAYERS = 384, 1536, 6


def flops(batch, length, n_layers=N_LAYERS):
    """Of matrix products and attention."""
    rows = batch * length * n_layers
    return 2 * rows * (4 * D_MODEL**2 + 2 * D_MODEL * D_FF) + 4 * rows * length * D_MODEL


class Server(turns.Server):
    """rec-encoder with a model."""

    def __init__(self, model, *precision):
        super().__init__(arguments.programs / "encode_server", model, arguments.threads, *precision)

    def encode(self, _=None):
        return self.ask("encode")

    def vectors(self):
        with tempfile.NamedTemporaryFile(suffix=".f32") as file:
            dim = self.ask(f"write {file.name}")["dim"]
            return np.fromfile(file.name, dtype=np.float32).reshape(-1, dim)


class Candle(turns.Server):
    def __init__(self):
        super().__init__(arguments.candle, arguments.model)

    def read_ids(self, ids):
        with tempfile.NamedTemporaryFile(suffix=".u32") as file:
            ids.astype("<u4").tofile(file.name)
            self.ask(f"ids {file.name} {ids.shape[1]}")

    def states(self, ids):
        self.read_ids(ids)
        with tempfile.NamedTemporaryFile(suffix=".f32") as file:
            self.ask(f"write {file.name}")
            return np.fromfile(file.name, dtype=np.float32).reshape(*ids.shape, -1)


def export(folder):
    """The model in ONNX, without pooling."""
    path = folder / "model.onnx"
    model = transformers.AutoModel.from_pretrained(arguments.model, add_pooling_layer=False).eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    ids = torch.randint(1000, 2000, (2, 8))
    inputs = dict(zip(names, (ids, torch.ones_like(ids), torch.zeros_like(ids))))
    shape = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    torch.onnx.export(model, (), path, kwargs=inputs, input_names=names, output_names=["last_hidden_state"],
                      dynamic_shapes={name: shape for name in names}, dynamo=True, verbose=False)
    return path


def onnx_folder(folder):
    """The model's ONNX file and tokenizer side by side, as fastembed wants them."""
    source = arguments.onnx or export(folder)
    for file in [*source.parent.iterdir(), *pathlib.Path(arguments.model).iterdir()]:
        to = folder / ("model.onnx" if file == source else file.name)
        if file.is_file() and not to.exists():
            shutil.copyfile(file, to)  # the quantizer follows no links
    return folder


def onnx_session(path, spins=True):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spins else "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def quantized(path, folder):
    """The same model by ONNX Runtime's dynamic quantization."""
    to = folder / "int8" / "model.onnx"
    to.parent.mkdir()
    quantize_dynamic(path, to, weight_type=QuantType.QInt8, per_channel=True)
    return to


def cosines(a, b):
    """Of the rows of two matrices."""
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


class Peers:
    def __init__(self, folder):
        self.server, self.int8 = Server(arguments.model), Server(arguments.model, "int8")
        self.candle = Candle() if arguments.candle else None
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.model)
        self.words = plain_words(self.tokenizer)
        self.torch = transformers.AutoModel.from_pretrained(arguments.model, add_pooling_layer=False).eval()
        path = folder / "model.onnx"
        self.session, self.asleep = onnx_session(path), onnx_session(path, spins=False)
        self.session_int8 = onnx_session(quantized(path, folder))
        self.sentences = sentence_transformers.SentenceTransformer(arguments.model, device="cpu")
        self.fastembed = fastembed.TextEmbedding(
            "sentence-transformers/all-MiniLM-L6-v2", specific_model_path=str(folder), threads=arguments.threads)
        self.random = np.random.default_rng(0)

    def text(self, length):
        """Of so many tokens, special ones included."""
        return " ".join(self.random.choice(self.words, length - 2))

    def forward(self, ids):
        ids = torch.from_numpy(ids)
        with torch.inference_mode():
            self.torch(input_ids=ids, attention_mask=torch.ones_like(ids))

    def onnx(self, ids, session=None):
        session = session or self.session
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        return session.run(None, {node.name: feed[node.name] for node in session.get_inputs()})[0]

    def dense(self, batch, length):
        texts = [self.text(length) for _ in range(batch)]
        ids = np.array(self.tokenizer(texts)["input_ids"], dtype=np.int64)
        assert ids.shape == (batch, length), ids.shape
        for server in (self.server, self.int8):
            server.read(texts)
        engines = {
            OURS: self.server.encode,
            ONNX: lambda: timed(lambda: self.onnx(ids)),
            "PyTorch": lambda: timed(lambda: self.forward(ids)),
            OURS_INT8: self.int8.encode,
            ONNX_INT8: lambda: timed(lambda: self.onnx(ids, self.session_int8)),
            ONNX_ASLEEP: lambda: timed(lambda: self.onnx(ids, self.asleep)),
        }
        if self.candle:
            self.candle.read_ids(ids)
            engines["candle"] = lambda: self.candle.ask("encode")
        return engines

    def dense_agreement(self):
        """The smallest cosine of rec-encoder's vectors with the means of each peer's states, over 32 texts of 16 tokens."""
        texts = [self.text(16) for _ in range(32)]
        ids = np.array(self.tokenizer(texts)["input_ids"], dtype=np.int64)
        self.server.read(texts)
        ours, states = self.server.vectors(), {ONNX: self.onnx(ids)}
        if self.candle:
            states["candle"] = self.candle.states(ids)
        return {name: float(cosines(ours, theirs.mean(1)).min()) for name, theirs in states.items()}

    def texts(self, texts, sorted_too):
        for server in (self.server, self.int8):
            server.read(texts)
        by_length = sorted(texts, key=len)
        engines = {
            OURS: self.server.encode,
            "sentence-transformers": lambda: timed(lambda: self.sentences.encode(texts)),
            "fastembed": lambda: timed(lambda: list(self.fastembed.embed(texts))),
            OURS_INT8: self.int8.encode,
        }
        if sorted_too:
            engines["fastembed, sorted by length"] = lambda: timed(lambda: list(self.fastembed.embed(by_length)))
        return engines

    def agreement(self, texts):
        """The smallest cosine of rec-encoder's vectors with each peer's."""
        self.server.read(texts)
        ours = self.server.vectors()
        peers = {"sentence-transformers": self.sentences.encode(texts), "fastembed": np.array(list(self.fastembed.embed(texts)))}
        return {name: float(cosines(ours, theirs).min()) for name, theirs in peers.items()}

    def int8_agreement(self, texts):
        """Cosines of vectors in eight bits with those in f32: rec-encoder's, and ONNX Runtime's text by text."""
        for server in (self.server, self.int8):
            server.read(texts)
        exact = self.server.vectors()
        theirs = [self.onnx(np.array([self.tokenizer(text)["input_ids"]], dtype=np.int64), self.session_int8)[0].mean(0) for text in texts]
        return {OURS_INT8: cosines(exact, self.int8.vectors()), ONNX_INT8: cosines(exact, np.array(theirs))}


class Table:
    def __init__(self):
        self.lines = ["| input | peer | rec-encoder | peer's | ratio | ratio of cpu | at least | |", "|---|---|---|---|---|---|---|---|"]

    def add(self, title, medians, targets, unit, scale):
        ours = medians[OURS]
        for name, target in targets.items():
            theirs = medians[name]
            ratio, cpu = theirs["wall"] / ours["wall"], theirs["cpu"] / ours["cpu"]
            met = "met" if ratio >= target else "missed"
            figures = " | ".join(f"{scale(run['wall']):,.2f} {unit}" if unit == "ms" else f"{scale(run['wall']):,.0f} {unit}" for run in (ours, theirs))
            self.lines.append(f"| {title} | {name} | {figures} | {ratio:.2f} | {cpu:.2f} | {target:.2f} | {met} |")
            print(self.lines[-1], flush=True)


class Int8Table:
    """Rows of rec-encoder in eight bits, beside itself in f32 and beside ONNX Runtime in eight."""

    def __init__(self):
        self.lines = [f"| input | {OURS_INT8} | in f32 | ratio | {ONNX_INT8} | ratio |", "|---|---|---|---|---|---|"]

    def add(self, title, medians, show):
        ours, exact, theirs = (medians.get(name, {}).get("wall") for name in (OURS_INT8, OURS, ONNX_INT8))
        peer = f"{show(theirs)} | {theirs / ours:.2f}" if theirs else "|"
        self.lines.append(f"| {title} | {show(ours)} | {show(exact)} | {exact / ours:.2f} | {peer} |")
        print(self.lines[-1], flush=True)


def burst(engine):
    """An engine whose run is the median of several calls without a pause."""
    def run():
        calls = [engine() for _ in range(BURST)]
        return {what: statistics.median(call[what] for call in calls) for what in ("wall", "cpu")}
    return run


def chart(cells):
    """An SVG of tokens per second against length, a line for each batch."""
    width, height, left, right, top, bottom = 640, 360, 70, 130, 20, 50
    largest = max(rate for _, _, rate in cells)
    step = 10 ** math.floor(math.log10(largest))
    step = step if largest / step >= 4 else step / 2
    n_steps = math.ceil(largest / step)
    lengths = [math.log2(length) for length in GRID_LENGTHS]
    x = lambda length: left + (math.log2(length) - lengths[0]) / (lengths[-1] - lengths[0]) * (width - left - right)
    y = lambda rate: height - bottom - rate / (n_steps * step) * (height - top - bottom)
    colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
           "<title>Tokens per second against the length of texts, for several batches</title>",
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for at in range(n_steps + 1):
        out.append(f'<path d="M{left} {y(at * step):.1f}H{width - right}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 8}" y="{y(at * step) + 4:.1f}" text-anchor="end">{at * step:,.0f}</text>')
    for length in GRID_LENGTHS:
        out.append(f'<text x="{x(length):.1f}" y="{height - bottom + 18}" text-anchor="middle">{length}</text>')
    out.append(f'<text x="{(left + width - right) / 2}" y="{height - 10}" text-anchor="middle">tokens in a text</text>')
    out.append(f'<text x="16" y="{(top + height - bottom) / 2}" text-anchor="middle" transform="rotate(-90 16 {(top + height - bottom) / 2})">tokens per second</text>')
    for at, (batch, colour) in enumerate(zip(GRID_BATCHES, colours)):
        points = [(x(length), y(rate)) for of, length, rate in cells if of == batch]
        path = " ".join(f"{'ML'[i > 0]}{px:.1f} {py:.1f}" for i, (px, py) in enumerate(points))
        out.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.extend(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>' for px, py in points)
        label = top + 20 + 20 * at
        out.append(f'<path d="M{width - right + 12} {label - 4}h16" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{width - right + 34}" y="{label}">{batch} text{"s" * (batch > 1)}</text>')
    return "\n".join([*out, "</svg>", ""])


def measured(folder):
    start = time.perf_counter()
    peak = lambda: float(subprocess.run([arguments.programs / "roofline", "peak"], capture_output=True, text=True, check=True).stdout)
    peaks = [peak()]
    peers = Peers(onnx_folder(folder))
    torch.set_num_threads(arguments.threads)
    catalogue = turns.titles(arguments.titles)[: arguments.first]
    table, int8 = Table(), Int8Table()
    agreement = {**peers.agreement(catalogue[:500]), **peers.dense_agreement()}
    int8_agreement = peers.int8_agreement(catalogue[:500])
    # In GFLOP/s.
    rates = {}
    ms = lambda seconds: f"{1e3 * seconds:,.2f} ms"

    for batch, length in SHAPES:
        peaks.append(peak())
        medians = in_turn(peers.dense(batch, length), arguments.repetitions)
        title = f"{batch} texts of {length} tokens"
        targets = {ONNX: 1.2, "PyTorch": 2.0, **({"candle": 2.5} if peers.candle else {})}
        table.add(title, medians, targets, "ms", lambda s: 1e3 * s)
        int8.add(title, medians, ms)
        rates[title] = flops(batch, length) / medians[OURS]["wall"] / 1e9
    title = "1 text of 16 tokens"
    engines = {name: run for name, run in peers.dense(1, 16).items() if name in (OURS, ONNX, ONNX_ASLEEP, OURS_INT8, ONNX_INT8)}
    medians = in_turn({name: burst(run) for name, run in engines.items()}, arguments.repetitions)
    targets = {ONNX: 1 / 0.9, ONNX_ASLEEP: 1 / 0.9}
    table.add(f"{title}, one after the other", medians, targets, "ms", lambda s: 1e3 * s)
    int8.add(f"{title}, one after the other", medians, ms)
    rates[title] = flops(1, 16) / medians[OURS]["wall"] / 1e9
    medians = in_turn(engines, 4 * arguments.repetitions)
    table.add(f"{title}, after a pause", medians, targets, "ms", lambda s: 1e3 * s)

    cells = []
    for batch in GRID_BATCHES:
        for length in (length for length in GRID_LENGTHS if batch * length <= GRID_TOKENS):
            run = in_turn({OURS: peers.dense(batch, length)[OURS]}, 3)
            cells.append((batch, length, batch * length / run[OURS]["wall"]))

    mixed = [peers.text(length) for length in peers.random.integers(4, 257, 256)]
    medians = in_turn(peers.texts(mixed, False), arguments.passes, warm=False)
    per = lambda n: lambda seconds: n / seconds
    title = f"{len(mixed)} texts of 4 to 256 tokens, shuffled"
    rates[title] = sum(flops(1, len(text.split()) + 2) for text in mixed) / medians[OURS]["wall"] / 1e9
    texts_per_second = lambda n: lambda seconds: f"{n / seconds:,.0f} texts/s"
    int8.add(title, medians, texts_per_second(len(mixed)))
    table.add(title, medians, {"sentence-transformers": 2.0, "fastembed": 3.0}, "texts/s", per(len(mixed)))

    engines = peers.texts(catalogue, True)
    medians = in_turn(engines, arguments.passes, warm=False)
    title = f"{len(catalogue):,} titles"
    int8.add(title, medians, texts_per_second(len(catalogue)))
    table.add(title, medians, {"sentence-transformers": 2.0, "fastembed": 3.5, "fastembed, sorted by length": 1.6}, "texts/s", per(len(catalogue)))
    tokenizing, whole = peers.server.ask("tokenize"), medians[OURS]["wall"]
    rates[title] = flops(1, 12) / 12 * tokenizing["tokens"] / whole / 1e9
    peaks.append(peak())
    # The bundled model has half of the layers: its share of the arithmetic is one half.
    bundled = Server("bundled")
    bundled.read(catalogue[:10])
    bundled.encode()  # packs its weights
    bundled.read(catalogue)
    runs = in_turn({OURS: bundled.encode, "all-MiniLM-L6-v2": peers.server.encode}, arguments.passes, warm=False)
    table.add(f"{title}, bundled model", runs, {"all-MiniLM-L6-v2": 2.0}, "texts/s", per(len(catalogue)))

    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    flags = open("/proc/cpuinfo").read().split() if os.path.exists("/proc/cpuinfo") else []
    model = "the model in ONNX as given" if arguments.onnx else "the model in ONNX as PyTorch exports it, whose attention ONNX Runtime does not fuse"
    kernels = "AVX-512" if "avx512vl" in flags else "AVX2" if "avx2" in flags else platform.machine()
    out = [
        f"{datetime.date.today()}, commit {commit}; {platform.machine()}, {cpu}, {os.cpu_count()} cores, {arguments.threads} threads for all, {kernels} kernels, "
        f"load {os.getloadavg()[0]:.1f} at the end. PyTorch {torch.__version__}, ONNX Runtime {onnxruntime.__version__} ({model}), sentence-transformers "
        f"{sentence_transformers.__version__}, transformers {transformers.__version__}, fastembed {fastembed.__version__}, "
        f"numpy {np.__version__}. Medians of {arguments.repetitions} repetitions, and of {arguments.passes} for catalogue and mixed lengths. "
        f"{arguments.note}".strip(),
        "", *table.lines, "",
        "A ratio is the peer's time over that of rec-encoder. Vectors agree: the smallest cosine is "
        + ", ".join(f"{cosine:.6f} with {name}" for name, cosine in agreement.items()) + " (500 titles; 32 texts of 16 tokens for the last).",
        "",
        f"Multiply-adds alone, without memory, reached {max(peaks):.0f} GFLOP/s on {arguments.threads} threads at best. Rates count products and "
        "attention only; tokenizing and pooling are in the time:",
        "", "| input | GFLOP/s | of the peak |", "|---|---|---|",
        *(f"| {title} | {rate:.0f} | {100 * rate / max(peaks):.0f}% |" for title, rate in rates.items()), "",
        *int8.lines, "",
        "Cosines with vectors in f32 over 500 titles: " + "; ".join(
            f"{name} {values.mean():.4f} in the mean, {values.min():.4f} at least" for name, values in int8_agreement.items()) + ".",
        "",
        f"Tokenizing the titles alone takes {tokenizing['wall']:.2f} s of {whole:.1f} s. The whole comparison took {(time.perf_counter() - start) / 60:.0f} minutes.",
    ]
    return "\n".join(out), chart(cells)


def main():
    with tempfile.TemporaryDirectory() as folder:
        text, svg = measured(pathlib.Path(folder))
    print("\n" + text)
    if not arguments.print:
        turns.write_between(PAGE, "<!-- benches/peers/encoder writes from here -->", "<!-- to here -->", text)
        CHART.write_text(svg)


main()
