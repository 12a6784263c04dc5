"""Times a step of contrastive training by rec-train beside PyTorch, and writes its table into docs/performance.md.

    python benches/peers/training.py SERVER [--model models/all-MiniLM-L6-v2] [--pairs 64] [--length 32] [--threads 2]
                                     [--repetitions 7] [--print]

SERVER is the example `train_server` of rec-train; `benches/peers/training` builds it, makes the environment and runs this.

A step is that of sentence-transformers' MultipleNegativesSymmetricRankingLoss: the two columns of pairs through the model, the mean
over tokens, cosines over 0.05, cross entropy both ways; the gradients of every parameter; AdamW (PyTorch's own defaults, its fused
implementation, which is the fastest on a CPU). All in f32, no dropout, the same texts of random words, which are one token each.
Tokenizing is not in the time. Both start from the same weights, and so the losses of their steps must agree.

The systems take turns within every repetition, in an order that rotates; figures are medians.
"""

import argparse
import datetime
import pathlib
import subprocess

from turns import Server, in_turn, plain_words, set_threads, timed, write_between

parser = argparse.ArgumentParser()
parser.add_argument("server", type=pathlib.Path)
parser.add_argument("--model", default="models/all-MiniLM-L6-v2")
parser.add_argument("--pairs", type=int, default=64)
parser.add_argument("--length", type=int, default=32)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repetitions", type=int, default=7)
parser.add_argument("--print", action="store_true")
arguments = parser.parse_args()
set_threads(arguments.threads)

import numpy as np  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

ROOT = pathlib.Path(__file__).resolve().parents[2]
LR, TEMPERATURE, TARGET = 2e-5, 0.05, 1.0


class Torch:
    def __init__(self, ids):
        self.model = transformers.AutoModel.from_pretrained(
            arguments.model, add_pooling_layer=False, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=LR, fused=True)
        self.columns = torch.from_numpy(ids).chunk(2)
        self.losses = []

    def vectors(self, ids):
        mask = torch.ones_like(ids)
        states = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return torch.nn.functional.normalize(states.mean(1), dim=1)

    def step(self):
        left, right = map(self.vectors, self.columns)
        logits, labels = left @ right.T / TEMPERATURE, torch.arange(len(left))
        loss = (torch.nn.functional.cross_entropy(logits, labels) + torch.nn.functional.cross_entropy(logits.T, labels)) / 2
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.losses.append(loss.item())


def flops():
    """Of a step: the forward pass's products, and twice as many for the gradients."""
    d_model, d_ff, n_layers = 384, 1536, 6
    rows = 2 * arguments.pairs * arguments.length * n_layers
    return 3 * (2 * rows * (4 * d_model**2 + 2 * d_model * d_ff) + 4 * rows * arguments.length * d_model)


def main():
    torch.set_num_threads(arguments.threads)
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.model)
    words, random = plain_words(tokenizer), np.random.default_rng(0)
    texts = [" ".join(random.choice(words, arguments.length - 2)) for _ in range(2 * arguments.pairs)]
    ids = np.array(tokenizer(texts)["input_ids"], dtype=np.int64)
    assert ids.shape == (len(texts), arguments.length), ids.shape
    peer, server, losses = Torch(ids), Server(arguments.server, arguments.model, LR), []
    server.read(texts)

    def ours():
        answer = server.ask("step")
        losses.append(answer["loss"])
        return answer

    medians = in_turn({"rec-train": ours, "PyTorch": lambda: timed(peer.step)}, arguments.repetitions)
    differences = [abs(a - b) for a, b in zip(losses, peer.losses)]
    print("losses:", *(f"{a:.6f} {b:.6f}" for a, b in zip(losses, peer.losses)), sep="\n")
    assert differences[0] < 1e-4 and max(differences) < 1e-2, "the two learn different things"
    mine, theirs = medians["rec-train"], medians["PyTorch"]
    ratio = theirs["wall"] / mine["wall"]
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    text = "\n".join([
        f"{datetime.date.today()}, commit {commit}; {arguments.threads} threads, PyTorch {torch.__version__}, transformers "
        f"{transformers.__version__}. Medians of {arguments.repetitions} repetitions; the losses of both before each of the first "
        f"{len(losses)} steps differ by {max(differences):.1e} at most, of {losses[0]:.2f} at first.",
        "",
        "| a step on | rec-train | PyTorch | ratio | ratio of cpu | rec-train, GFLOP/s | at least | |",
        "|---|---|---|---|---|---|---|---|",
        f"| {arguments.pairs} pairs of {arguments.length} tokens, all layers | {1e3 * mine['wall']:,.0f} ms | {1e3 * theirs['wall']:,.0f} ms | {ratio:.2f} | "
        f"{theirs['cpu'] / mine['cpu']:.2f} | {flops() / mine['wall'] / 1e9:.0f} | {TARGET:.2f} | {'met' if ratio >= TARGET else 'missed'} |",
    ])
    print("\n" + text)
    if not arguments.print:
        write_between(ROOT / "docs/performance.md", "<!-- benches/peers/training writes from here -->", "<!-- training to here -->", text)


main()
