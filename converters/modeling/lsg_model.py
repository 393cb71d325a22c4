"""What the LSG models of all types share: transformers' own modules and heads, run by a forward pass of ours.

The modules that hold weights are those of the dense model, so that parameters have the names that they have there,
and transformers initialises, ties, resizes and saves them as its own. Only the table of global tokens is added.

Shapes: b batch, g prepended global tokens.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import (
    BaseModelOutputWithPastAndCrossAttentions,
    BaseModelOutputWithPoolingAndCrossAttentions,
)

from .lsg_attention import LSGSelfAttention

GLOBAL_TABLE_ROWS = 512


class LSGConfig:
    """Keys that an LSG config has beside those of its type, with what holds for a checkpoint that lacks one."""

    adaptive = True
    base_model_prefix = "lsg"
    block_size = 128
    first_token_is_global = False
    lsh_num_pre_rounds = 1
    mask_first_token = False
    num_global_tokens = 1
    pool_with_global = True
    sparse_block_size = 128
    sparsity_factor = 2
    sparsity_type = "norm"


class Layer(NamedTuple):
    """The modules of one layer: attention and feed-forward, each added to its input and normalised."""

    query: nn.Module
    key: nn.Module
    value: nn.Module
    attention_output: nn.Module
    attention_norm: nn.Module
    intermediate: nn.Module
    output: nn.Module
    output_norm: nn.Module


def bert_layer(layer: nn.Module) -> Layer:
    attention, output = layer.attention, layer.output
    return Layer(
        query=attention.self.query,
        key=attention.self.key,
        value=attention.self.value,
        attention_output=nn.Sequential(attention.output.dense, attention.output.dropout),
        ...
    )
