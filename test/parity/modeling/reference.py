"""Runs lsg-converter's own models on the converted checkpoints and writes down what comes out.

Needs lsg-converter 0.1.9 and transformers 4.40.2:
    python reference.py        (LSG_PARITY_WORK names the folder with the checkpoints; run.py sets it)
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

import torch
from cases import (
    BLOCK,
    CAUSAL_LENGTHS,
    CAUSAL_OPTIONS,
    CAUSAL_TYPES,
    LENGTHS,
    LONGEST,
    OPTIONS,
    REPOSITORY,
    SEQ2SEQ_TYPES,
    TYPES,
    WORK,
    causal_head,
    class_name,
    converted,
    fill_heads,
    gradients,
    head_inputs,
    head_options,
    heads,
    inputs,
    made_by_reference,
    options_of,
    original,
    prefix,
    tensors,
    usual_head,
    usual_inputs,
)
from reference_seq2seq import OWN_CODE, seq2seq_generations, seq2seq_heads, seq2seq_models
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoConfig

sys.path.insert(0, str(REPOSITORY / "fixtures" / "generate"))
from relatives import add_relatives  # noqa: E402

add_relatives({})

GRADIENT_LENGTHS = [BLOCK, 3 * BLOCK + 5]


def reference_module(model_type: str) -> Any:
    if model_type == "mpnet":
        return import_module("plain_mpnet")
    name = model_type.replace("-", "_")
    module = import_module(f"lsg_converter.{name}.modeling_lsg_{name}")
    owner = "LSG" if model_type in TYPES else class_name(model_type, "Encoder")
    repair(getattr(module, f"{owner}SelfAttention"))
    return module


def repair(attention: type) -> None:
    """A pool of hidden keys stays hidden: there the reference's mean of masks overflows to -inf."""
    if hasattr(attention, "unrepaired"):
        return
    attention.unrepaired = attention.get_sparse_tokens_with_bos_pooling

    def repaired(
        self: Any, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor
    ) -> tuple[Tensor, ...]:
        keys, values, overflowed = self.unrepaired(queries, keys, values, mask)
        if self.sparsity_factor == 1:
            return keys, values, overflowed
        hidden = (mask.reshape(mask.shape[0], 1, 1, -1, self.sparsity_factor) < 0).all(-1)
        return keys, values, (hidden.to(mask.dtype) * torch.finfo(mask.dtype).min).expand_as(overflowed)

    attention.get_sparse_tokens_with_bos_pooling = repaired


def write_model(model_type: str) -> None:
    goldens: dict[str, Tensor] = {}
    for option in options_of(model_type):
        model = getattr(reference_module(model_type), class_name(model_type, "Model"))
        model = model.from_pretrained(converted(model_type), **OWN_CODE, **OPTIONS[option]).eval()
        for length in LENGTHS:
            torch.manual_seed(length)
            output = model(**inputs(model_type, length)).last_hidden_state
            goldens[f"{option}.{length}"] = output.detach().clone()
            if length in GRADIENT_LENGTHS:
                for name, gradient in gradients(model, output).items():
                    goldens[f"{option}.{length}.gradient.{name}"] = gradient.clone()
    save(f"{model_type}.model", goldens)


def write_heads(model_type: str) -> None:
    goldens: dict[str, Tensor] = {}
    for head in heads(model_type):
        model = getattr(reference_module(model_type), class_name(model_type, head))
        model = model.from_pretrained(converted(model_type), **OWN_CODE, **head_options(head)).eval()
        fill_heads(model)
        with torch.no_grad():
            output = model(**head_inputs(model_type, head, 3 * BLOCK + 5))
        goldens |= {f"{head}.{name}": x.clone().contiguous() for name, x in tensors(output).items()}
    save(f"{model_type}.heads", goldens)


def write_causal(model_type: str) -> None:
    goldens: dict[str, Tensor] = {}
    for option in CAUSAL_OPTIONS:
        model = getattr(reference_module(model_type), class_name(model_type, causal_head(model_type)))
        model = model.from_pretrained(converted(model_type), **OWN_CODE, is_decoder=True, use_cache=False, **OPTIONS[option])
        fill_heads(model.eval())
        for length in CAUSAL_LENGTHS:
            with torch.no_grad():
                logits = model(**inputs(model_type, length)).logits
            goldens[f"{option}.{length}"] = logits.contiguous()
    save(f"{model_type}.causal", goldens)


def write_conversion(model_type: str) -> None:
    """A checkpoint as lsg-converter makes it, and what it computes."""
    name, output = model_type.replace("-", "_"), made_by_reference(model_type)
    module = (
        reference_module(model_type)
        if model_type == "mpnet"
        else import_module(f"lsg_converter.{name}.convert_{name}_checkpoint")
    )
    torch.manual_seed(0)
    model, _ = getattr(module, f"{prefix(model_type)}ConversionScript")(
        initial_model=str(original(model_type)),
        model_name=str(output),
        max_sequence_length=LONGEST,
        architecture=class_name(model_type, usual_head(model_type)).removeprefix("LSG"),
        random_global_init=False,
        global_positional_stride=64,
        keep_first_global_token=False,
        resize_lsg=False,
        model_kwargs=json.dumps(OPTIONS["norm"]),
        use_token_ids=True,
        use_auth_token=False,
        config=AutoConfig.from_pretrained(original(model_type)),
        save_model=True,
        seed=123,
    ).process()
    with torch.no_grad():
        batch = usual_inputs(model_type, 3 * BLOCK + 5)
        logits = model.eval()(**batch).logits
        hidden = model.base_model(**batch).last_hidden_state
    save(f"{model_type}.conversion", {"logits": logits.contiguous(), "hidden": hidden.contiguous()})


def save(name: str, goldens: dict[str, Tensor]) -> None:
    (WORK / "goldens").mkdir(exist_ok=True)
    save_file(goldens, WORK / "goldens" / f"{name}.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in TYPES:
        write_model(each)
        write_heads(each)
        write_conversion(each)
        if each in CAUSAL_TYPES:
            write_causal(each)
    for each in SEQ2SEQ_TYPES:
        module = reference_module(each)
        save(f"{each}.model", seq2seq_models(module, each))
        save(f"{each}.heads", seq2seq_heads(module, each))
        save(f"{each}.generated", seq2seq_generations(module, each))
        write_conversion(each)
