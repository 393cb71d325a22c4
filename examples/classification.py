"""Trains a classifier of long documents.

    lsg convert ./roberta-base --architecture RobertaForSequenceClassification   # or --to windows, --to longformer
    python classification.py ./roberta-base-lsg-4096 ./my-classifier --train train.jsonl --test test.jsonl

A document a line: {"text": "…", "label": "sport"}, or with a number as its label. Prints accuracy and macro F1 on the test
documents, and leaves a folder that opens like the converted one, with `trust_remote_code=True`.
"""

import argparse
import json

import numpy
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="converted folder")
    parser.add_argument("out", help="folder to write")
    parser.add_argument("--train", required=True, help="JSONL")
    parser.add_argument("--test", required=True, help="JSONL")
    parser.add_argument("--length", type=int, default=4096, help="tokens after which a document is cut")
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--batch", type=int, default=8, help="documents of a step, which are read one at a time")
    parser.add_argument("--learning-rate", type=float, default=3e-5)
    parser.add_argument("--less-memory", action="store_true", help="compute activations again in the backward pass")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def scores(prediction):
    predicted, labels = prediction.predictions.argmax(-1), prediction.label_ids
    f1 = []
    for label in numpy.unique([*labels, *predicted]):
        right = ((predicted == label) & (labels == label)).sum()
        f1.append(2 * right / ((predicted == label).sum() + (labels == label).sum()))
    return {"accuracy": (predicted == labels).mean(), "macro_f1": numpy.mean(f1)}


def main():
    args = parse()
    train, test = read(args.train), read(args.test)
    labels = sorted({row["label"] for row in train})
    id_of = {label: index for index, label in enumerate(labels)}
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForSequenceClassification.from_pretrained(
        args.model,
        trust_remote_code=True,
        id2label={index: str(label) for label, index in id_of.items()},
        label2id={str(label): index for label, index in id_of.items()},
        ignore_mismatched_sizes=True,  # a head for other labels is replaced
    )
    # An F16 file's weights, which transformers 5 leaves in F16, would be trained in it: small steps would be lost.
    model = model.float()
    # Trainer takes a forward() with **kwargs to divide its loss by the batch's size; these heads do not, and without this
    # line the loss would count as many times as gradients accumulate.
    model.accepts_loss_kwargs = False

    def encode(rows):
        encoded = tokenizer([row["text"] for row in rows], truncation=True, max_length=args.length)
        keys = encoded.keys()
        return [
            {**{key: encoded[key][i] for key in keys}, "labels": id_of[row["label"]]} for i, row in enumerate(rows)
        ]

    trainer = Trainer(
        model,
        TrainingArguments(
            output_dir=args.out,
            num_train_epochs=args.epochs,
            per_device_train_batch_size=1,  # no padding, and the memory of one document
            per_device_eval_batch_size=1,
            gradient_accumulation_steps=args.batch,
            gradient_checkpointing=args.less_memory,
            learning_rate=args.learning_rate,
            weight_decay=0.01,
            warmup_steps=max(1, int(0.1 * args.epochs * len(train) / args.batch)),
            bf16=torch.cuda.is_available(),
            save_strategy="no",
            report_to=[],
            seed=args.seed,
        ),
        train_dataset=encode(train),
        eval_dataset=encode(test),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=scores,
    )
    trainer.train()
    print(json.dumps({key: round(float(value), 4) for key, value in trainer.evaluate().items()}))
    trainer.save_model(args.out)
    tokenizer.save_pretrained(args.out)


if __name__ == "__main__":
    main()
