"""Trains an embedder of long documents, by contrast: a query is to be nearer its own document than those of the others.

    lsg convert ./all-MiniLM-L6-v2                      # or --to windows, --to longformer
    python embeddings.py ./all-MiniLM-L6-v2-lsg-4096 ./my-embedder --train train.jsonl --test test.jsonl

A pair a line: {"query": "…", "positive": "…"}. Prints before and after how many of the test's queries find their own
positive first among all of them. The folder stays what it was: a model of sentence-transformers stays one.
"""

import argparse
import json
import pathlib
import random
import shutil

import torch
import torch.nn.functional as F
from transformers import AutoModel, AutoTokenizer, get_linear_schedule_with_warmup

TEMPERATURE = 0.05


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, help="converted folder")
    parser.add_argument("out", type=pathlib.Path, help="folder to write")
    parser.add_argument("--train", required=True, help="JSONL")
    parser.add_argument("--test", required=True, help="JSONL")
    parser.add_argument("--length", type=int, default=4096, help="tokens after which a document is cut")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16, help="pairs of a step, each the others' contrast")
    parser.add_argument("--learning-rate", type=float, default=2e-5)
    parser.add_argument("--less-memory", action="store_true", help="compute activations again in the backward pass")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def main():
    args = parse()
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    train, test = read(args.train), read(args.test)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    # In float32 whatever the file has: transformers 5 would train the weights of an F16 file in F16.
    model = AutoModel.from_pretrained(args.model, trust_remote_code=True).float()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    if args.less_memory:
        model.gradient_checkpointing_enable()
    pooling = args.model / "1_Pooling" / "config.json"
    takes_first = pooling.exists() and json.loads(pooling.read_text()).get("pooling_mode_cls_token", False)

    def embed(texts):
        """(texts, width), of length 1."""
        batch = tokenizer(texts, padding=True, truncation=True, max_length=args.length, return_tensors="pt").to(device)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            hidden = model(**batch)[0]
        seen = batch["attention_mask"][..., None]
        pooled = hidden[:, 0] if takes_first else (hidden * seen).sum(1) / seen.sum(1)
        return F.normalize(pooled.float(), dim=-1)

    @torch.no_grad()
    def found_first():
        model.eval()
        queries, positives = (torch.cat([embed([row[key]]) for row in test]) for key in ("query", "positive"))
        return ((queries @ positives.T).argmax(1).cpu() == torch.arange(len(test))).float().mean().item()

    steps = args.epochs * (len(train) // args.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate, weight_decay=0.01)
    schedule = get_linear_schedule_with_warmup(optimizer, steps // 10, steps)
    print(f"before: {found_first():.3f} of {len(test)} found first")
    for _ in range(args.epochs):
        model.train()
        order = rng.sample(train, len(train))
        for start in range(0, len(order) - args.batch + 1, args.batch):
            rows = order[start : start + args.batch]
            alike = embed([row["query"] for row in rows]) @ embed([row["positive"] for row in rows]).T
            own = torch.arange(len(rows), device=device)
            # Both ways: a query among the positives, and a positive among the queries.
            loss = (F.cross_entropy(alike / TEMPERATURE, own) + F.cross_entropy(alike.T / TEMPERATURE, own)) / 2
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        print(f"loss {loss.item():.4f}, {found_first():.3f} found first")
    shutil.copytree(args.model, args.out, ignore=shutil.ignore_patterns("*.onnx*"), dirs_exist_ok=True)
    for file in args.out.glob("model*.safetensors*"):
        file.unlink()
    model.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)


if __name__ == "__main__":
    main()
