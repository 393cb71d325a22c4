"""Which classes have a Longformer counterpart, and inputs for them."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy
import torch
from cases import BASES, WORK
from torch import Tensor

HEADS = [
    "Model",
    "ForMaskedLM",
    "ForSequenceClassification",
    "ForMultipleChoice",
    "ForTokenClassification",
    "ForQuestionAnswering",
]
# What a head of DistilBERT's or ELECTRA's computes in its classifiers, Longformer's does not.
SAME_HEADS = ["Model", "ForMaskedLM", "ForTokenClassification", "ForQuestionAnswering"]
SOURCES = {
    "roberta": ("Roberta", HEADS),
    "xlm-roberta": ("XLMRoberta", HEADS),
    "camembert": ("Camembert", HEADS),
    "bert": ("Bert", HEADS),
    "distilbert": ("DistilBert", SAME_HEADS),
    "electra": ("Electra", SAME_HEADS),
    "data2vec-text": ("Data2VecText", ["Model", "ForMaskedLM"]),
    # The fixture's activation is none that Longformer's masked language model has.
    "ernie": ("Ernie", ["Model", "ForTokenClassification"]),
    "bert-generation": ("BertGeneration", ["Model"]),
    "bart": (
        "Bart",
        ["Model", "ForConditionalGeneration", "ForSequenceClassification", "ForQuestionAnswering"],
    ),
}
CASES = [(model_type, head) for model_type, (_, heads) in SOURCES.items() for head in heads]
ROBERTAS = ["roberta", "xlm-roberta", "camembert", "data2vec-text"]
"""They number positions as Longformer does: padding may be on the left."""

POSITIONS = 512


def source_class(model_type: str, head: str) -> str:
    return SOURCES[model_type][0] + (BASES.get(model_type, head) if head == "Model" else head)


def target_class(model_type: str, head: str) -> str:
    return ("LED" if model_type == "bart" else "Longformer") + head


def source(model_type: str, head: str) -> Path:
    """A checkpoint of that class."""
    return WORK / "longformer-sources" / f"{model_type}-{head}"


def converted(model_type: str, head: str) -> Path:
    """Its Longformer."""
    return WORK / "longformers" / f"{model_type}-{head}"


def inputs(config: Any, head: str, length: int, side: str = "right") -> dict[str, Tensor]:
    """A ragged batch of three rows: whole, about 70 % and about half of it. What answers questions gets rows with
    three separators, behind the first of which a question ends."""
    random = numpy.random.default_rng([length, zlib.crc32(config.model_type.encode())])
    pad, separator = config.pad_token_id, config.sep_token_id
    ordinary = [token for token in range(config.vocab_size) if token not in (pad, separator)]
    ids = random.choice(ordinary, (3, length))
    mask = numpy.ones((3, length), dtype=numpy.int64)
    for row, kept in enumerate([length, -(-7 * length // 10), -(-length // 2)]):
        hidden = slice(kept, None) if side == "right" else slice(0, length - kept)
        mask[row, hidden], ids[row, hidden] = 0, pad
        seen = numpy.flatnonzero(mask[row])
        if head in ("ForQuestionAnswering", "ForMultipleChoice"):
            ids[row, random.choice(seen, 3, replace=False)] = separator
    made = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    if config.type_vocab_size > 1:
        made["token_type_ids"] = torch.from_numpy((numpy.arange(length) > length // 2) * mask)
    if head == "ForMultipleChoice":
        return {name: torch.stack([x, x.flip(0)]) for name, x in made.items()}
    return made


def seq2seq_inputs(config: Any, head: str, length: int, side: str = "right") -> dict[str, Tensor]:
    """The same for an encoder-decoder; with nine tokens for the decoder, but for the class that wants an end."""
    random = numpy.random.default_rng([length, 9])
    pad, end = config.pad_token_id, config.eos_token_id
    ids = random.choice([token for token in range(config.vocab_size) if token not in (pad, end)], (3, length))
    mask = numpy.ones((3, length), dtype=numpy.int64)
    for row, kept in enumerate([length, -(-7 * length // 10), -(-length // 2)]):
        hidden = slice(kept, None) if side == "right" else slice(0, length - kept)
        mask[row, hidden], ids[row, hidden] = 0, pad
        if head == "ForSequenceClassification":
            ids[row, numpy.flatnonzero(mask[row])[-1]] = end
    made = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    if head == "ForSequenceClassification":
        return made
    return made | {"decoder_input_ids": torch.from_numpy(random.integers(8, 60, (3, 9)))}
