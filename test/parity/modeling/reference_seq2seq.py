"""Runs lsg-converter's encoder-decoders on the converted checkpoints and writes down what comes out."""

from __future__ import annotations

from typing import Any

import torch
from cases import (
    BLOCK,
    LENGTHS,
    SEQ2SEQ_FAMILIES,
    SEQ2SEQ_GENERATIONS,
    SEQ2SEQ_OPTIONS,
    class_name,
    converted,
    fill_heads,
    generation_options,
    gradients,
    head_options,
    inputs,
    seq2seq_head_inputs,
    seq2seq_inputs,
    tensors,
)
from torch import Tensor, nn

# The reference's own classes open what we wrote: what keeps a folder from opening without our code is put aside.
OWN_CODE = {"_attn_implementation": "eager"}

GRADIENT_LENGTHS = [BLOCK, 3 * BLOCK + 5]


def load_reference(module: Any, model_type: str, head: str, **options: Any) -> nn.Module:
    model = getattr(module, class_name(model_type, head))
    return model.from_pretrained(converted(model_type), **OWN_CODE, **options).eval()


def seq2seq_models(module: Any, model_type: str) -> dict[str, Tensor]:
    """Logits, the encoder's states, gradients."""
    goldens: dict[str, Tensor] = {}
    for option, values in SEQ2SEQ_OPTIONS.items():
        model = load_reference(module, model_type, "ForConditionalGeneration", **values)
        for length in LENGTHS:
            case = f"{option}.{length}"
            torch.manual_seed(length)
            output = model(**seq2seq_inputs(model_type, length), output_hidden_states=True)
            goldens[f"{case}.logits"] = output.logits.detach().clone()
            goldens[f"{case}.encoder"] = output.encoder_last_hidden_state.detach().clone()
            if model.config.pass_global_tokens_to_decoder:
                # Its states of other layers keep the padding to whole blocks.
                rows = model.config.num_global_tokens + length
                for layer, state in enumerate(output.encoder_hidden_states):
                    goldens[f"{case}.state.{layer}"] = state[:, :rows].detach().clone()
            if length in GRADIENT_LENGTHS:
                for name, gradient in gradients(model, output.logits).items():
                    goldens[f"{case}.gradient.{name}"] = gradient.clone()
    return goldens


def seq2seq_heads(module: Any, model_type: str) -> dict[str, Tensor]:
    goldens: dict[str, Tensor] = {}
    for head in SEQ2SEQ_FAMILIES[model_type][1]:
        model = load_reference(module, model_type, head, **head_options(head))
        fill_heads(model)
        with torch.no_grad():
            output = model(**seq2seq_head_inputs(model_type, head, 3 * BLOCK + 5))
        goldens |= {f"{head}.{name}": x.clone().contiguous() for name, x in tensors(output).items()}
    return goldens


def seq2seq_generations(module: Any, model_type: str) -> dict[str, Tensor]:
    goldens: dict[str, Tensor] = {}
    for option, length, side, beams in SEQ2SEQ_GENERATIONS:
        model = load_reference(module, model_type, "ForConditionalGeneration", **SEQ2SEQ_OPTIONS[option])
        made = model.generate(**inputs(model_type, length, side), **generation_options(beams))
        goldens[f"{option}.{length}.{side}.{beams}"] = made
    return goldens
