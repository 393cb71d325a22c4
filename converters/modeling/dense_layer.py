"""One layer of a dense model, by its parts: transformers names and nests them in one way for each type."""

from __future__ import annotations

from typing import Callable, NamedTuple

import torch
from torch import Tensor, nn

FEED_FORWARD_ROWS = 1024
"""At once on a CPU without gradients: the wide activations of many more would be large enough for the
allocator to map and clear fresh pages for them in every layer."""


class Layer(NamedTuple):
    """The parts in the order in which they are applied; each maps (b, rows, ·) to (b, rows, ·). With
    norm_first a norm is applied to what goes into its part of the layer, else to what comes out of it."""

    query: Callable[[Tensor], Tensor]
    key: Callable[[Tensor], Tensor]
    value: Callable[[Tensor], Tensor]
    attention_output: Callable[[Tensor], Tensor]
    attention_dropout: Callable[[Tensor], Tensor] | None
    attention_norm: Callable[[Tensor], Tensor]
    intermediate: Callable[[Tensor], Tensor]
    activation: Callable[[Tensor], Tensor]
    output: Callable[[Tensor], Tensor]
    output_dropout: Callable[[Tensor], Tensor] | None
    output_norm: Callable[[Tensor], Tensor]
    norm_first: bool = False

    def heads(self, hidden: Tensor, count: int) -> list[Tensor]:
        """Query, key and value: (b, rows, hidden) → (b, count, rows, head_dim) each."""
        if self.norm_first:
            hidden = self.attention_norm(hidden)
        projected = (linear(hidden) for linear in (self.query, self.key, self.value))
        return [x.unflatten(2, (count, -1)).transpose(1, 2) for x in projected]

    def complete(self, hidden: Tensor, context: Tensor) -> Tensor:
        """What follows attention: the layer's input and its context (b, heads, rows, head_dim) → its
        output."""
        attended = self.attention_output(context.transpose(1, 2).flatten(2))
        if self.attention_dropout is not None:
            attended = self.attention_dropout(attended)
        hidden = attended + hidden
        if not self.norm_first:
            hidden = self.attention_norm(hidden)
        if hidden.device.type != "cpu" or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self._feed_forward(hidden)
        batch, rows, _ = hidden.shape
        parts = hidden.tensor_split(-(-batch * rows // FEED_FORWARD_ROWS), dim=1)
        return torch.cat([self._feed_forward(part) for part in parts], dim=1)

    def _feed_forward(self, hidden: Tensor) -> Tensor:
        normed = self.output_norm(hidden) if self.norm_first else hidden
        output = self.output(self.activation(self.intermediate(normed)))
        if self.output_dropout is not None:
            output = self.output_dropout(output)
        output = output + hidden
        return output if self.norm_first else self.output_norm(output)


def bert_layer(layer: nn.Module) -> Layer:
    """A layer as BERT, RoBERTa and ELECTRA name its parts."""
    attention = layer.attention
    return Layer(
        query=attention.self.query,
        key=attention.self.key,
        value=attention.self.value,
        attention_output=attention.output.dense,
        attention_dropout=attention.output.dropout,
        attention_norm=attention.output.LayerNorm,
        intermediate=layer.intermediate.dense,
        activation=layer.intermediate.intermediate_act_fn,
        output=layer.output.dense,
        output_dropout=layer.output.dropout,
        output_norm=layer.output.LayerNorm,
    )
