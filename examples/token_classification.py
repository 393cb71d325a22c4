"""Trains a tagger of long documents, for named entities for instance.

    lsg convert ./roberta-base --architecture RobertaForTokenClassification   # or --to windows, --to longformer
    python token_classification.py ./roberta-base-lsg-4096 ./my-tagger --train train.jsonl --test test.jsonl

A document a line: {"tokens": ["Ada", "Lovelace", "wrote"], "ner_tags": ["B-PER", "I-PER", "O"]}. Prints precision, recall
and F1 of whole entities on the test documents: both ends and the type must be right.
"""

import argparse
import json

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer, DataCollatorForTokenClassification, Trainer, TrainingArguments

NO_LABEL = -100
"""Of tokens that do not begin a word: the loss does not count them."""


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="converted folder")
    parser.add_argument("out", help="folder to write")
    parser.add_argument("--train", required=True, help="JSONL")
    parser.add_argument("--test", required=True, help="JSONL")
    parser.add_argument("--length", type=int, default=4096, help="tokens after which a document is cut")
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--batch", type=int, default=8, help="documents of a step, which are read one at a time")
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--less-memory", action="store_true", help="compute activations again in the backward pass")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def entities(tags):
    """Each entity's first word, the word behind its last one, and its type. An I- without its B- begins one too."""
    found, start = set(), 0
    for i, tag in enumerate([*tags, "O"]):
        before = tags[i - 1] if i else "O"
        begins = tag.startswith("B-") or tag[2:] != before[2:]
        if begins and before != "O":
            found.add((start, i, before[2:]))
        if begins:
            start = i
    return found


def main():
    args = parse()
    train, test = read(args.train), read(args.test)
    names = sorted({tag for row in train for tag in row["ner_tags"]})
    id_of = {name: index for index, name in enumerate(names)}
    tokenizer = AutoTokenizer.from_pretrained(args.model, add_prefix_space=True)  # words are given, not spaces
    model = AutoModelForTokenClassification.from_pretrained(
        args.model,
        trust_remote_code=True,
        id2label=dict(enumerate(names)),
        label2id=id_of,
        ignore_mismatched_sizes=True,  # a head for other tags is replaced
    )
    # See classification.py: transformers 5 would train an F16 file in F16, and Trainer would not divide the loss.
    model = model.float()
    model.accepts_loss_kwargs = False

    def encode(rows):
        for row in rows:
            encoded = tokenizer(row["tokens"], is_split_into_words=True, truncation=True, max_length=args.length)
            words = encoded.word_ids()
            begins = [word is not None and word != before for word, before in zip(words, [None, *words])]
            labels = [
                id_of.get(row["ner_tags"][word], NO_LABEL) if first else NO_LABEL for word, first in zip(words, begins)
            ]
            yield {**encoded, "labels": labels}

    def scores(prediction):
        right = predicted = wanted = 0
        for logits, labels, row in zip(prediction.predictions, prediction.label_ids, test):
            guessed = entities([names[index] for index in logits[labels != NO_LABEL].argmax(-1)])
            true = entities(row["ner_tags"])  # what was cut off counts as missed
            right, predicted, wanted = right + len(guessed & true), predicted + len(guessed), wanted + len(true)
        precision, recall = right / max(1, predicted), right / max(1, wanted)
        return {"precision": precision, "recall": recall, "f1": 2 * right / max(1, predicted + wanted)}

    trainer = Trainer(
        model,
        TrainingArguments(
            output_dir=args.out,
            num_train_epochs=args.epochs,
            per_device_train_batch_size=1,
            per_device_eval_batch_size=1,
            gradient_accumulation_steps=args.batch,
            gradient_checkpointing=args.less_memory,
            learning_rate=args.learning_rate,
            bf16=torch.cuda.is_available(),
            save_strategy="no",
            report_to=[],
            seed=args.seed,
        ),
        train_dataset=list(encode(train)),
        eval_dataset=list(encode(test)),
        data_collator=DataCollatorForTokenClassification(tokenizer),
        compute_metrics=scores,
    )
    trainer.train()
    print(json.dumps({key: round(float(value), 4) for key, value in trainer.evaluate().items()}))
    trainer.save_model(args.out)
    tokenizer.save_pretrained(args.out)


if __name__ == "__main__":
    main()
