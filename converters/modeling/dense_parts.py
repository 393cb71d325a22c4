"""What a dense model of one stack of layers is made of, and what stands before and behind its layers:
transformers nests and names these in one way for each type.

Shapes: b batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import (
    BaseModelOutputWithPastAndCrossAttentions,
    BaseModelOutputWithPoolingAndCrossAttentions,
)

from .dense_layer import Layer, bert_layer

FARTHEST = 128
"""Tokens that far away, and all beyond, have the same bias (max_distance of transformers' MPNet)."""


class DenseParts:
    """Put before a type's dense model among the bases of a class, it names the model's parts as BERT does."""

    def _layers(self) -> list[Layer]:
        return [bert_layer(layer) for layer in self.encoder.layer]

    def _attention_dropout_prob(self) -> float:
        return self.config.attention_probs_dropout_prob

    def _embed_inputs(self, **inputs: Tensor) -> Tensor:
        """input_ids (b, length) or inputs_embeds, and others by name → (b, length, width of the
        embeddings)."""
        return self.embeddings(**inputs)

    def _relative_bias(self) -> Tensor | None:
        """What is added to scores by the distance from query to key, (heads, 2 · FARTHEST + 1): for a key
        FARTHEST tokens before its query first."""
        return None

    def _project(self, embedded: Tensor) -> Tensor:
        """From the width of the embeddings to that of the layers."""
        return embedded

    def _final_norm(self, hidden: Tensor) -> Tensor:
        """Behind the last layer, where norms stand before a layer's parts: (b, rows, hidden) → the same."""
        return hidden

    def _has_pooler(self) -> bool:
        return getattr(self, "pooler", None) is not None

    def _pool(self, last: Tensor) -> Tensor:
        """(b, length, hidden) → (b, hidden)."""
        return self.pooler(last)

    def _output(
        self,
        last: Tensor,
        pooled: Tensor | None,
        every_hidden: tuple[Tensor, ...] | None,
        return_dict: bool,
        cache: Any = None,
    ) -> Any:
        """What the dense model's forward returns, of an encoder."""
        has_pooler = hasattr(self, "pooler")
        if not return_dict:
            # Heads count on the second place being the pooler's, filled or not.
            first = (last, pooled) if has_pooler else (last,)
            return first + tuple(x for x in (cache, every_hidden) if x is not None)
        rest = dict(last_hidden_state=last, past_key_values=cache, hidden_states=every_hidden)
        if not has_pooler:
            return BaseModelOutputWithPastAndCrossAttentions(**rest)
        return BaseModelOutputWithPoolingAndCrossAttentions(pooler_output=pooled, **rest)


class AlbertParts(DenseParts):
    def _layers(self) -> list[Layer]:
        groups, count = self.encoder.albert_layer_groups, self.config.num_hidden_layers
        used = [groups[index * len(groups) // count] for index in range(count)]
        return [_albert_layer(layer) for group in used for layer in group.albert_layers]

    def _project(self, embedded: Tensor) -> Tensor:
        return self.encoder.embedding_hidden_mapping_in(embedded)

    def _pool(self, last: Tensor) -> Tensor:
        return self.pooler_activation(self.pooler(last[:, 0]))


def _albert_layer(layer: nn.Module) -> Layer:
    attention = layer.attention
    return Layer(
        query=attention.query,
        key=attention.key,
        value=attention.value,
        attention_output=attention.dense,
        attention_dropout=attention.output_dropout,
        attention_norm=attention.LayerNorm,
        intermediate=layer.ffn,
        activation=layer.activation,
        output=layer.ffn_output,
        output_dropout=None,
        output_norm=layer.full_layer_layer_norm,
    )


class DistilBertParts(DenseParts):
    def _embed_inputs(self, input_ids: Tensor | None = None, inputs_embeds: Tensor | None = None) -> Tensor:
        # The second one's name is not the same in every transformers.
        return self.embeddings(input_ids, inputs_embeds)

    def _layers(self) -> list[Layer]:
        return [_distilbert_layer(layer) for layer in self.transformer.layer]

    def _attention_dropout_prob(self) -> float:
        return self.config.attention_dropout


def _distilbert_layer(layer: nn.Module) -> Layer:
    attention, feed_forward = layer.attention, layer.ffn
    return Layer(
        query=attention.q_lin,
        key=attention.k_lin,
        value=attention.v_lin,
        attention_output=attention.out_lin,
        attention_dropout=None,
        attention_norm=layer.sa_layer_norm,
        intermediate=feed_forward.lin1,
        activation=feed_forward.activation,
        output=feed_forward.lin2,
        output_dropout=feed_forward.dropout,
        output_norm=layer.output_layer_norm,
    )


class ElectraParts(DenseParts):
    def _project(self, embedded: Tensor) -> Tensor:
        project = getattr(self, "embeddings_project", None)
        return embedded if project is None else project(embedded)


class MPNetParts(DenseParts):
    def _layers(self) -> list[Layer]:
        return [_mpnet_layer(layer) for layer in self.encoder.layer]

    def _relative_bias(self) -> Tensor:
        table = self.encoder.relative_attention_bias.weight
        offsets = torch.arange(-FARTHEST, FARTHEST + 1, device=table.device)
        return table[self.encoder.relative_position_bucket(offsets)].T


def _mpnet_layer(layer: nn.Module) -> Layer:
    attention = layer.attention.attn
    return Layer(
        query=attention.q,
        key=attention.k,
        value=attention.v,
        attention_output=attention.o,
        attention_dropout=layer.attention.dropout,
        attention_norm=layer.attention.LayerNorm,
        intermediate=layer.intermediate.dense,
        activation=layer.intermediate.intermediate_act_fn,
        output=layer.output.dense,
        output_dropout=layer.output.dropout,
        output_norm=layer.output.LayerNorm,
    )


class RemBertParts(DenseParts):
    def _project(self, embedded: Tensor) -> Tensor:
        return self.encoder.embedding_hidden_mapping_in(embedded)


class RobertaPreLayerNormParts(DenseParts):
    def _layers(self) -> list[Layer]:
        return [_roberta_prelayernorm_layer(layer) for layer in self.encoder.layer]

    def _final_norm(self, hidden: Tensor) -> Tensor:
        return self.LayerNorm(hidden)


def _roberta_prelayernorm_layer(layer: nn.Module) -> Layer:
    attention = layer.attention
    return Layer(
        query=attention.self.query,
        key=attention.self.key,
        value=attention.self.value,
        attention_output=attention.output.dense,
        attention_dropout=attention.output.dropout,
        attention_norm=attention.LayerNorm,
        intermediate=layer.intermediate.dense,
        activation=layer.intermediate.intermediate_act_fn,
        output=layer.output.dense,
        output_dropout=layer.output.dropout,
        output_norm=layer.intermediate.LayerNorm,
        norm_first=True,
    )


class XLMRobertaXLParts(DenseParts):
    def _layers(self) -> list[Layer]:
        return [_xlm_roberta_xl_layer(layer) for layer in self.encoder.layer]

    def _final_norm(self, hidden: Tensor) -> Tensor:
        return self.encoder.LayerNorm(hidden)


def _xlm_roberta_xl_layer(layer: nn.Module) -> Layer:
    attention = layer.attention
    return Layer(
        query=attention.self.query,
        key=attention.self.key,
        value=attention.self.value,
        attention_output=attention.output.dense,
        attention_dropout=attention.output.dropout,
        attention_norm=attention.self_attn_layer_norm,
        intermediate=layer.intermediate.dense,
        activation=layer.intermediate.intermediate_act_fn,
        output=layer.output.dense,
        output_dropout=None,
        output_norm=layer.LayerNorm,
        norm_first=True,
    )
