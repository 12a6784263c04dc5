"""Writes the tables of docs/models.md from what the parity suites print.

    python3 scripts/docs/models.py flex [ndarray wgpu] [--real]

Runs the suites `families` and, with --real, `parity_real` of rec-encoder on each device, and replaces the tables between the markers.
Nothing else in the page is touched. The models of --real come from `scripts/fetch minilm minilm-l3 mpnet e5-small smollm2`.
"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "models.md"
REAL = "all-MiniLM-L6-v2 paraphrase-MiniLM-L3-v2 all-mpnet-base-v2 multilingual-e5-small SmolLM2-135M"

# What a fixture stands for: `model_type`, checkpoints that load, the real model that was compared.
FAMILIES = {
    "bert": ("`bert`", "BERT, MiniLM, BGE, E5, GTE", "all-MiniLM-L6-v2, paraphrase-MiniLM-L3-v2, multilingual-e5-small"),
    "roberta": ("`roberta`, `camembert`", "RoBERTa, BLaIR, all-distilroberta", "none"),
    "xlm-roberta": ("`xlm-roberta`", "XLM-RoBERTa, multilingual-e5-base and -large, bge-m3 (dense)", "none"),
    "distilbert": ("`distilbert`", "DistilBERT, msmarco-distilbert", "none"),
    "mpnet": ("`mpnet`", "all-mpnet-base-v2, multi-qa-mpnet", "all-mpnet-base-v2"),
    "albert": ("`albert`", "ALBERT, paraphrase-albert", "none"),
    "albert-groups": ("`albert`, several groups", "", "none"),
    "modernbert": ("`modernbert`", "ModernBERT, gte-modernbert, nomic modernbert-embed", "none"),
    "nomic-bert": ("`nomic_bert`", "nomic-embed-text", "none"),
    "gpt2": ("`gpt2`", "GPT-2", "none"),
    "gpt2-bin": ("`gpt2`, pytorch_model.bin", "", "none"),
    "llama": ("`llama`, `mistral`", "Llama, SmolLM2, E5-Mistral", "SmolLM2-135M"),
    "llama3": ("`llama`, scaled rotation", "Llama 3.1 and 3.2", "none"),
    "qwen2": ("`qwen2`", "Qwen2, Qwen2.5", "none"),
    "qwen3": ("`qwen3`", "Qwen3-Embedding", "none"),
    "gemma3": ("`gemma3_text`", "EmbeddingGemma", "none"),
}


def run(device, suite, real=False):
    env = os.environ | {"REC_TEST_DEVICE": device}
    if real:
        env |= {"REC_MODELS": str(ROOT / "models"), "REC_REAL_MODELS": REAL}
    features = [] if device == "flex" else ["--features", "ndarray,wgpu"]
    command = ["cargo", "test", "-p", "rec-encoder", *features, "--test", suite, "--", "--nocapture", "--test-threads", "1"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} on {device}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    # The first row of a test stands behind its name.
    rows = (re.search(r"\| .* \|$", line) for line in done.stdout.splitlines())
    return [row.group().strip("|").split("|") for row in rows if row]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def replace(page, name, text):
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
    if not pattern.search(page):
        sys.exit(f"{PAGE} lacks the markers of {name}")
    return pattern.sub(lambda match: match.group(1) + text + "\n" + match.group(2), page)


def main():
    devices = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    if not devices:
        sys.exit(__doc__)
    page = PAGE.read_text(encoding="utf-8")
    by_device = {device: {row[0].strip(): [cell.strip() for cell in row[1:]] for row in run(device, "families")} for device in devices}
    rows = []
    for name, (model_type, loads, real) in FAMILIES.items():
        cells = [by_device[device].get(name) for device in devices]
        if not cells[0]:
            continue
        worst = ["/".join(cell[i] for i in (1, 2, 3)) for cell in cells]
        rows.append([model_type, loads, f"`{name}`", cells[0][0], *worst, real])
    missing = set(by_device[devices[0]]) - set(FAMILIES)
    if missing:
        sys.exit(f"no description of {missing}")
    head = ["`model_type`", "for example", "fixture", "tensors", *(f"{device}: layers/left/vectors" for device in devices), "real model compared"]
    page = replace(page, "families", table(head, rows))
    if "--real" in sys.argv:
        rows = {}
        for device in devices:
            for fixture, what, error in run(device, "parity_real", real=True):
                rows.setdefault((fixture.strip(), what.strip()), []).append(error.strip())
        head = ["model (fixture)", "what", *devices]
        page = replace(page, "real", table(head, [[f"`{fixture}`", what, *errors] for (fixture, what), errors in sorted(rows.items())]))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
