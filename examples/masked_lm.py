"""Goes on training a masked language model on long text.

    lsg convert ./roberta-base                          # or --to windows, --to longformer
    python masked_lm.py ./roberta-base-lsg-4096 ./trained --train books/*.txt --test unseen.txt --minutes 10 60

--only new trains those weights that the conversion made, rows of the table of positions and global tokens: up to the old
length the model stays what it was. Windows have none: all of their weights train.

Prints the loss at masked tokens of the test texts, with its standard error, before and after so many minutes of processor
time (of all threads together, evaluations not counted), and leaves every token's loss in OUT/losses.pt. What is evaluated
and saved is the running mean of the weights, so that no schedule has to know the end.
"""

import argparse
import json
import pathlib
import random
import time

import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import AutoModelForMaskedLM, AutoTokenizer


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, help="converted folder")
    parser.add_argument("out", type=pathlib.Path, help="folder to write")
    parser.add_argument("--train", nargs="+", required=True, help="text files")
    parser.add_argument("--test", nargs="+", required=True, help="text files that nothing was trained on")
    parser.add_argument("--only", choices=["all", "new"], default="all", help="the weights to train")
    parser.add_argument("--length", type=int, default=4096, help="tokens of a row")
    parser.add_argument("--batch", type=int, default=2, help="rows of a step")
    parser.add_argument("--minutes", type=float, nargs="+", default=[10, 60], help="when to evaluate; the last ends it")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def trainable(model, folder, only):
    """The parameters for the optimizer. Of a table of positions only the new rows get gradients."""
    if only == "all":
        return list(model.parameters())
    limit = json.loads((folder / "lsg_conversion.json").read_text(encoding="utf-8"))["max_sequence_length"]
    chosen = []
    for name, parameter in model.named_parameters():
        if "position_embeddings" in name or "embed_positions" in name:
            is_new = torch.arange(len(parameter)) >= len(parameter) - (limit["to"] - limit["from"])
            parameter.register_hook(lambda gradient, is_new=is_new: gradient * is_new[:, None])
            chosen.append(parameter)
        elif "global" in name:
            chosen.append(parameter)
    return chosen


def read(files, tokenizer, length, stride=0):
    """The texts in rows of `length` tokens, special ones included, as the tokenizer cuts them; neighbours share `stride`
    tokens. Ends shorter than half a row are left out."""
    texts = [pathlib.Path(file).read_text("utf-8") for file in files]
    cut = dict(truncation=True, max_length=length, stride=stride, return_overflowing_tokens=True)
    rows = tokenizer(texts, **cut, return_special_tokens_mask=True)
    pairs = zip(rows["input_ids"], rows["special_tokens_mask"])
    return [(torch.tensor(ids), torch.tensor(special)) for ids, special in pairs if len(ids) >= length // 2]


def mask(ids, special, mask_token, generator):
    """Inputs and labels, both (1, length): 15 % of the tokens are hidden, and only they have labels."""
    hidden = (torch.rand(len(ids), generator=generator) < 0.15) & (special == 0)
    return ids.masked_fill(hidden, mask_token)[None], ids.masked_fill(~hidden, -100)[None]


@torch.no_grad()
def evaluate(model, rows, mask_token):
    """The loss of each masked token, always the same ones."""
    model.eval()
    generator, losses = torch.Generator().manual_seed(11), []
    for ids, labels in (mask(*row, mask_token, generator) for row in rows):
        logits = model(ids, attention_mask=torch.ones_like(ids)).logits[labels != -100]
        losses.append(F.cross_entropy(logits, labels[labels != -100], reduction="none"))
    return torch.cat(losses)


def main():
    args = parse()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    # In float32 whatever the file has: transformers 5 would train the weights of an F16 file in F16.
    model = AutoModelForMaskedLM.from_pretrained(args.model, trust_remote_code=True).float()
    mean = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.98))
    optimizer = torch.optim.AdamW(trainable(model, args.model, args.only), lr=args.learning_rate, weight_decay=0)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.05, total_iters=20)
    rows, test = read(args.train, tokenizer, args.length, args.length // 2), read(args.test, tokenizer, args.length)
    rng, generator = random.Random(args.seed), torch.Generator().manual_seed(args.seed)
    losses = {0: evaluate(mean.module, test, tokenizer.mask_token_id)}
    print(f"before: loss {losses[0].mean():.4f} at {len(losses[0])} tokens", flush=True)
    used = steps = 0
    for minutes in args.minutes:
        while used < minutes * 60:
            began = time.process_time()
            model.train()
            for row in rng.choices(rows, k=args.batch):
                ids, labels = mask(*row, tokenizer.mask_token_id, generator)
                loss = model(ids, attention_mask=torch.ones_like(ids), labels=labels).loss
                (loss / args.batch).backward()
            optimizer.step()
            warmup.step()
            optimizer.zero_grad()
            mean.update_parameters(model)
            used, steps = used + time.process_time() - began, steps + 1
        losses[minutes] = evaluate(mean.module, test, tokenizer.mask_token_id)
        change, loss = losses[minutes] - losses[0], losses[minutes].mean()
        error = change.std() / len(change) ** 0.5
        print(f"{minutes:g} minutes, {steps} steps: {loss:.4f}, {change.mean():+.4f} ± {error:.4f}", flush=True)
        mean.module.save_pretrained(args.out)
        tokenizer.save_pretrained(args.out)
        torch.save(losses, args.out / "losses.pt")


if __name__ == "__main__":
    main()
