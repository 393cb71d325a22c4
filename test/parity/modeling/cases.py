"""What is compared: model types, LSG options, lengths, heads, and inputs that are the same in every
environment."""

from __future__ import annotations

import json
import os
import re
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM
from transformers.dynamic_module_utils import get_class_from_dynamic_module

WORK = Path(os.environ["LSG_PARITY_WORK"])
"""Converted checkpoints, the reference's goldens and whatever else a run leaves."""

REPOSITORY = Path(__file__).resolve().parents[3]

sys.path.append(str(REPOSITORY / "fixtures" / "generate"))
from relatives import RELATIVES  # noqa: E402

BLOCK, LONGEST = 16, 1024

LISTED = {
    one["model_type"]: one["classes"]
    for one in json.loads((WORK / "architectures.json").read_text())
    if "lsg" in one["variants"]
}
"""What `lsg architectures` says: the classes of each model type, the base class first."""
BASES = {model_type: re.search("[A-Z][a-z]+$", classes[0])[0] for model_type, classes in LISTED.items()}
"""What base classes are called: Model, but for BertGenerationEncoder."""
SHAPES = {
    model_type: (prefix := classes[0].removesuffix(BASES[model_type]), [name.removeprefix(prefix) for name in classes[1:]])
    for model_type, classes in LISTED.items()
}
FAMILIES = {t: shape for t, shape in SHAPES.items() if "ForConditionalGeneration" not in shape[1]}
"""What class names begin with, and what they end with in classes with a head."""
SEQ2SEQ_FAMILIES = {t: shape for t, shape in SHAPES.items() if t not in FAMILIES}
UNMASKED = [t for t, (_, heads) in FAMILIES.items() if "ForMaskedLM" not in heads]
"""They have a causal language model and no other head."""
TYPES = list(FAMILIES)
SEQ2SEQ_TYPES = list(SEQ2SEQ_FAMILIES)
CAUSAL_HEADS = ["LMHeadModel", "ForCausalLM", "Decoder"]
CAUSAL_TYPES = [t for t, (_, heads) in FAMILIES.items() if {*CAUSAL_HEADS} & set(heads)]

SIZES = dict(block_size=BLOCK, sparse_block_size=16, sparsity_factor=4, num_global_tokens=3)
OPTIONS: dict[str, dict[str, Any]] = {
    "none": dict(SIZES, sparsity_type="none"),
    "norm": dict(SIZES, sparsity_type="norm"),
    "pooling": dict(SIZES, sparsity_type="pooling"),
    "stride": dict(SIZES, sparsity_type="stride"),
    "block_stride": dict(SIZES, sparsity_type="block_stride"),
    "bos_pooling": dict(SIZES, sparsity_type="bos_pooling"),
    "lsh": dict(SIZES, sparsity_type="lsh", lsh_num_pre_rounds=2),
    "half_chunks": dict(SIZES, sparsity_type="norm", sparse_block_size=8, sparsity_factor=4),
    "every_key": dict(SIZES, sparsity_type="norm", sparse_block_size=13, sparsity_factor=1),
    "first_masked": dict(SIZES, sparsity_type="norm", num_global_tokens=1, mask_first_token=True),
    "not_pooled": dict(SIZES, sparsity_type="stride", num_global_tokens=7, pool_with_global=False),
}
FEW_OPTIONS = ["norm", "bos_pooling", "first_masked"]
"""For relatives: attention is the same code."""
SEQ2SEQ_GENERATIONS = [
    (option, length, side, beams)
    for option in ("none", "norm", "pooling", "first_masked", "not_passed")
    for length in (BLOCK - 1, 3 * BLOCK + 5, 200)
    for side in ("right", "left")
    for beams in (1, 3)
]
CAUSAL_OPTIONS = ["none", "norm", "pooling", "stride"]
CAUSAL_LENGTHS = [2 * BLOCK + 1, 3 * BLOCK + 5, 200]
"""Above two blocks: the reference's causal models raise below."""
SEQ2SEQ_OPTIONS = OPTIONS | {
    "not_passed": dict(OPTIONS["norm"], pass_global_tokens_to_decoder=False),
    "neither": dict(OPTIONS["not_pooled"], pass_global_tokens_to_decoder=False),
}
LENGTHS = [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, 3 * BLOCK + 5, LONGEST - 1, LONGEST]


def options_of(model_type: str) -> list[str]:
    if model_type == "mpnet":
        # Its reference, plain_mpnet.py in fixtures/generate, draws nothing.
        return [option for option in OPTIONS if option != "lsh"]
    return FEW_OPTIONS if model_type in RELATIVES else list(OPTIONS)


def heads(model_type: str) -> list[str]:
    return FAMILIES[model_type][1]


def class_name(model_type: str, head: str) -> str:
    return f"LSG{prefix(model_type)}{BASES[model_type] if head == 'Model' else head}"


def prefix(model_type: str) -> str:
    return (FAMILIES | SEQ2SEQ_FAMILIES)[model_type][0]


def usual_head(model_type: str) -> str:
    if model_type in SEQ2SEQ_FAMILIES:
        return "ForConditionalGeneration"
    return causal_head(model_type) if model_type in UNMASKED else "ForMaskedLM"


def usual_auto(model_type: str) -> Any:
    """The auto class of the usual head."""
    if model_type in SEQ2SEQ_FAMILIES:
        return AutoModelForSeq2SeqLM
    return AutoModelForCausalLM if model_type in UNMASKED else AutoModelForMaskedLM


def causal_head(model_type: str) -> str:
    return next(head for head in FAMILIES[model_type][1] if head in CAUSAL_HEADS)


def made_by_reference(model_type: str) -> Path:
    """A checkpoint that lsg-converter made."""
    return WORK / "made-by-reference" / model_type


def converted(model_type: str, preset: str = "reference") -> Path:
    return WORK / "converted" / f"{model_type}-{preset}"


def original(model_type: str) -> Path:
    return REPOSITORY / "fixtures" / model_type / "checkpoint"


def config_of(model_type: str) -> dict[str, Any]:
    return json.loads((original(model_type) / "config.json").read_text())


def inputs(model_type: str, length: int, padding_side: str = "right", batch: int = 3) -> dict[str, Tensor]:
    """A ragged batch of (batch, length): whole, about 70 % and about a third of it. Any token can come
    first."""
    config = config_of(model_type)
    random = numpy.random.default_rng([length, zlib.crc32(model_type.encode())])
    pad = config["pad_token_id"]
    ids = random.integers(0, config["vocab_size"] - 1, (batch, length))
    ids += ids >= pad
    mask = numpy.ones((batch, length), dtype=numpy.int64)
    for row, kept in enumerate([length, -(-7 * length // 10), -(-length // 3)][:batch]):
        hidden = slice(kept, None) if padding_side == "right" else slice(0, length - kept)
        mask[row, hidden], ids[row, hidden] = 0, pad
    made = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    if config.get("type_vocab_size", 0) > 1:
        made["token_type_ids"] = torch.from_numpy((numpy.arange(length) > length // 2) * mask)
    return made


def seq2seq_inputs(
    model_type: str, length: int, padding_side: str = "right", batch: int = 3
) -> dict[str, Tensor]:
    """The same, and nine tokens for the decoder."""
    made = inputs(model_type, length, padding_side, batch)
    return made | {"decoder_input_ids": inputs(model_type, 27)["input_ids"][:batch, :9].flip(1)}


def usual_inputs(model_type: str, length: int) -> dict[str, Tensor]:
    return (seq2seq_inputs if model_type in SEQ2SEQ_FAMILIES else inputs)(model_type, length)


def seq2seq_head_inputs(model_type: str, head: str, length: int) -> dict[str, Tensor]:
    """For the classes of sequences each row has one end, as the last of its tokens."""
    if head != "ForSequenceClassification":
        return seq2seq_inputs(model_type, length)
    made, config = inputs(model_type, length), config_of(model_type)
    ids, rows = made["input_ids"], torch.arange(len(made["input_ids"]))
    ids[ids == config["eos_token_id"]] = config["vocab_size"] - 1
    ids[rows, made["attention_mask"].sum(1) - 1] = config["eos_token_id"]
    return made


def head_inputs(model_type: str, head: str, length: int) -> dict[str, Tensor]:
    made = inputs(model_type, length)
    return {k: torch.stack([v, v.flip(0)]) for k, v in made.items()} if head == "ForMultipleChoice" else made


def load(model_type: str, auto_class: Any, preset: str = "reference", **options: Any) -> nn.Module:
    """A converted checkpoint, opened as anybody would, in fp32: transformers 5 takes the checkpoint's dtype
    else."""
    folder = converted(model_type, preset)
    return auto_class.from_pretrained(
        folder, trust_remote_code=True, torch_dtype=torch.float32, **options
    ).eval()


def load_class(model_type: str, head: str, preset: str = "reference", **options: Any) -> nn.Module:
    """The same, by the name of the class: some heads have no AutoModel of their own."""
    folder = converted(model_type, preset)
    module = f"modeling_lsg_{model_type.replace('-', '_')}.{class_name(model_type, head)}"
    model_class = get_class_from_dynamic_module(module, str(folder))
    return model_class.from_pretrained(folder, torch_dtype=torch.float32, **options).eval()


def generation_options(beams: int = 1, count: int = 16) -> dict[str, Any]:
    """So many tokens, none of them twice: random weights would else say the same again and again."""
    return {
        "do_sample": False,
        "num_beams": beams,
        "max_new_tokens": count,
        "min_new_tokens": count,
        "no_repeat_ngram_size": 1,
    }


def head_options(head: str) -> dict[str, Any]:
    return OPTIONS["norm"] | ({"num_labels": 2} if head == "ForQuestionAnswering" else {})


def fill_heads(model: nn.Module) -> None:
    """Gives what a checkpoint lacks, a head or a pooler, values that depend on the parameter's name alone."""
    base = getattr(model, model.base_model_prefix)
    taken = {id(p) for name, p in base.named_parameters() if "pooler" not in name}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if id(parameter) not in taken:
                # One parameter with two names, or two where a newer transformers doesn't tie them.
                random = numpy.random.default_rng(zlib.crc32(name.replace("decoder.bias", "bias").encode()))
                values = (0.2 * random.standard_normal(tuple(parameter.shape))).astype(numpy.float32)
                parameter.copy_(torch.from_numpy(values) + float(parameter.dim() == 1))


def tensors(output: Any) -> dict[str, Tensor]:
    """The tensors of a model's output by name."""
    return {name: x for name, x in output.items() if isinstance(x, Tensor)}


def gradients(model: nn.Module, output: Tensor) -> dict[str, Tensor]:
    """Gradients of a weighted sum of output, by parameter."""
    model.zero_grad()
    weights = torch.from_numpy(numpy.random.default_rng(0).standard_normal(tuple(output.shape))).float()
    (output * weights).sum().backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def relative(actual: Tensor, expected: Tensor, scale: Tensor | None = None) -> float:
    """The largest difference as a part of the largest value of scale, or else of expected."""
    assert actual.shape == expected.shape, f"{tuple(actual.shape)}, expected {tuple(expected.shape)}"
    assert torch.isfinite(actual).all()
    largest = (expected if scale is None else scale).abs().max().item()
    return (actual.double() - expected.double()).abs().max().item() / largest
