"""Trains a summariser of long documents.

    lsg convert ./bart-large-cnn                        # or --to windows, --to longformer; a Pegasus, an mBART
    python summarization.py ./bart-large-cnn-lsg-4096 ./my-summariser --train train.jsonl --test test.jsonl

A document a line: {"text": "…", "summary": "…"}. Prints the loss on the test documents and writes their summaries to
OUT/summaries.jsonl.
"""

import argparse
import json
import pathlib

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="converted folder")
    parser.add_argument("out", type=pathlib.Path, help="folder to write")
    parser.add_argument("--train", required=True, help="JSONL")
    parser.add_argument("--test", required=True, help="JSONL")
    parser.add_argument("--length", type=int, default=4096, help="tokens after which a document is cut")
    parser.add_argument("--summary-length", type=int, default=256, help="the same of a summary")
    parser.add_argument("--beams", type=int, default=4)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--batch", type=int, default=8, help="documents of a step, which are read one at a time")
    parser.add_argument("--learning-rate", type=float, default=3e-5)
    parser.add_argument("--less-memory", action="store_true", help="compute activations again in the backward pass")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


class Collator(DataCollatorForSeq2Seq):
    """Pads; and tells a LED, whose own code has none by itself, that the first token is a global one."""

    def __call__(self, rows, return_tensors=None):
        batch = super().__call__(rows, return_tensors)
        if self.model.config.model_type == "led":
            batch["global_attention_mask"] = torch.zeros_like(batch["input_ids"])
            batch["global_attention_mask"][:, 0] = 1
        return batch


def main():
    args = parse()
    train, test = read(args.train), read(args.test)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForSeq2SeqLM.from_pretrained(args.model, trust_remote_code=True)
    # See classification.py: transformers 5 would train an F16 file in F16, and Trainer would not divide the loss.
    model = model.float()
    model.accepts_loss_kwargs = False

    def encode(rows):
        for row in rows:
            encoded = tokenizer(row["text"], truncation=True, max_length=args.length)
            summary = tokenizer(text_target=row["summary"], truncation=True, max_length=args.summary_length)
            yield {**encoded, "labels": summary["input_ids"]}

    trainer = Seq2SeqTrainer(
        model,
        Seq2SeqTrainingArguments(
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
            predict_with_generate=True,
            generation_max_length=args.summary_length,
            generation_num_beams=args.beams,
        ),
        train_dataset=list(encode(train)),
        data_collator=Collator(tokenizer, model),
    )
    trainer.train()
    written = trainer.predict(list(encode(test)))
    print(json.dumps({key: round(float(value), 4) for key, value in written.metrics.items()}))
    trainer.save_model(args.out)
    tokenizer.save_pretrained(args.out)
    with open(args.out / "summaries.jsonl", "w", encoding="utf-8") as file:
        for ids in written.predictions:
            ids[ids < 0] = tokenizer.pad_token_id  # Trainer pads with -100
            file.write(json.dumps({"summary": tokenizer.decode(ids, skip_special_tokens=True)}) + "\n")


if __name__ == "__main__":
    main()
