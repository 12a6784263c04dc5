"""Steps of training a user model, by the example `sequence` and by PyTorch, in turns.

Both train SASRec of the same size on the same data: items are a linear map of text vectors plus an embedding, batches of users of about
the same history length, dropout, softmax cross-entropy over all items at every event, the norm of gradients clipped, AdamW. The
arithmetic of PyTorch's side is written as one would for speed: fused attention, the fused optimizer, a float mask nowhere. What is
timed is a step without validation; the first tenth of the steps warms up. The losses of both after as many steps are printed: they
differ by their random numbers only.
"""

import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import nn

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("sequence", help="the example's binary")
parser.add_argument("data", type=Path, help="a folder with NAME.item, NAME.train.inter, NAME.valid.inter")
parser.add_argument("--vectors", type=Path, required=True, help="the vectors of the items, made if they are not there")
parser.add_argument("--model", default="models/all-MiniLM-L6-v2")
parser.add_argument("--dim", type=int, default=64)
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--events", type=int, default=50)
parser.add_argument("--dropout", type=float, default=0.2)
parser.add_argument("--steps", type=int, default=200, help="of PyTorch in a round; ours makes an epoch")
parser.add_argument("--rounds", type=int, default=3)
args = parser.parse_args()


def read(kind):
    (path,) = args.data.glob(f"*.{kind}")
    lines = path.read_text().splitlines()
    header = [field.split(":")[0] for field in lines[0].split("\t")]
    user, item, when = (header.index(name) for name in ("user_id", "item_id", "timestamp"))
    users = {}
    for line in lines[1:]:
        fields = line.split("\t")
        users.setdefault(fields[user], []).append((float(fields[when]), fields[item]))
    return [[item for _, item in sorted(events, key=lambda event: event[0])] for events in users.values()]


def ours(out):
    command = [args.sequence, args.data, out, "--model", args.model, "--vectors", args.vectors, "--epochs", "1"]
    command += ["--dim", str(args.dim), "--batch", str(args.batch), "--events", str(args.events), "--dropout", str(args.dropout)]
    text = subprocess.run([str(word) for word in command + ["--validate", "100"]], check=True, capture_output=True, text=True).stdout
    losses = [json.loads(line)["loss"] for line in (Path(out) / "metrics.jsonl").read_text().splitlines()]
    return float(re.search(r"([\d.]+) ms a step", text)[1]), losses


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.qkv, self.output = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.inner, self.outer = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
        self.norms = nn.ModuleList(nn.LayerNorm(d, eps=1e-12) for _ in range(2))
        self.drop = nn.Dropout(args.dropout)

    def forward(self, x):
        batch, length, d = x.shape
        q, k, v = self.qkv(x).reshape(batch, length, 3, 2, d // 2).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(x.shape)
        x = self.norms[0](x + self.drop(self.output(mixed)))
        return self.norms[1](x + self.drop(self.outer(F.gelu(self.inner(x)))))


class Model(nn.Module):
    def __init__(self, texts):
        super().__init__()
        n, d_text = texts.shape
        self.texts, self.adaptor = texts, nn.Linear(d_text, args.dim)
        self.ids, self.positions = nn.Embedding(n, args.dim), nn.Embedding(args.events, args.dim)
        nn.init.normal_(self.ids.weight, std=0.02)
        nn.init.normal_(self.positions.weight, std=0.02)
        self.norm, self.drop = nn.LayerNorm(args.dim, eps=1e-12), nn.Dropout(args.dropout)
        self.blocks = nn.ModuleList(Block(args.dim) for _ in range(2))

    def forward(self, rows, targets):
        items = self.adaptor(self.texts) + self.ids.weight
        x = self.drop(self.norm(items[rows] + self.positions.weight[: rows.shape[1]]))
        for block in self.blocks:
            x = block(x)
        there = targets >= 0
        return F.cross_entropy(x[there] @ items.T, targets[there])


def batches(users, rng):
    """Sixteen batches together, sorted by length."""
    order = rng.permutation(len(users))
    for first in range(0, len(order) - args.batch + 1, 16 * args.batch):
        group = sorted(order[first : first + 16 * args.batch], key=lambda at: len(users[at]))
        parts = [group[at : at + args.batch] for at in range(0, len(group) - args.batch + 1, args.batch)]
        for at in rng.permutation(len(parts)):
            chosen = [users[user] for user in parts[at]]
            length = max(len(user) for user in chosen) - 1
            rows, targets = torch.zeros(len(chosen), length, dtype=torch.long), torch.full((len(chosen), length), -1)
            for row, user in enumerate(chosen):
                rows[row, : len(user) - 1], targets[row, : len(user) - 1] = user[:-1], user[1:]
            yield rows, targets


def theirs(texts, users, seed):
    torch.manual_seed(seed)
    model, rng = Model(texts), np.random.default_rng(seed)
    decays = [p for name, p in model.named_parameters() if p.ndim > 1 and "positions" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim == 1 or "positions" in name]
    adam = torch.optim.AdamW([{"params": decays}, {"params": others, "weight_decay": 0.0}], lr=1e-3, fused=True)
    losses, started, warm = [], 0.0, args.steps // 10
    for step, (rows, targets) in enumerate(batches(users, rng)):
        if step == warm:
            started = time.perf_counter()
        if step == args.steps:
            break
        for group in adam.param_groups:
            group["lr"] = 1e-3 * min(1.0, (step + 1) / 200)
        adam.zero_grad()
        loss = model(rows, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        losses.append(loss.item())
    return 1e3 * (time.perf_counter() - started) / (len(losses) - warm), losses


torch.set_num_threads(2)
seconds = {"rec-train": [], "PyTorch": []}
with tempfile.TemporaryDirectory() as folder:
    ours(f"{folder}/warm")  # the vectors are there afterwards
    with safe_open(args.vectors, "np") as file:
        texts = torch.from_numpy(file.get_tensor("vectors").astype(np.float32))
        ids = json.loads(file.metadata()["ids"]) if "ids" in file.metadata() else None
    (items,) = args.data.glob("*.item")
    ids = ids or [line.split("\t")[0] for line in items.read_text().splitlines()[1:]]
    row = {item: at for at, item in enumerate(ids)}
    users = [torch.tensor([row[item] for item in user][-args.events - 1 :]) for user in read("train.inter") if len(user) > 1]
    for at in range(args.rounds):
        ms, our_losses = ours(f"{folder}/{at}")
        seconds["rec-train"].append(ms)
        ms, their_losses = theirs(texts, users, at)
        seconds["PyTorch"].append(ms)
        print(f"round {at}: {seconds['rec-train'][-1]:.1f} ms, PyTorch {seconds['PyTorch'][-1]:.1f} ms", file=sys.stderr)

last = min(len(our_losses), len(their_losses))
mean = lambda losses: math.fsum(losses[last - 20 : last]) / 20
a, b = (float(np.median(seconds[name])) for name in ("rec-train", "PyTorch"))
print(f"| {args.batch} users, {args.dim} dimensions, {len(ids):,} items | {a:.1f} ms | {b:.1f} ms | {b / a:.2f} |")
print(f"loss around step {last}: {mean(our_losses):.2f} and {mean(their_losses):.2f}; PyTorch {torch.__version__}, 2 threads")
