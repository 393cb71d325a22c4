"""What the LSG models of all types share: a forward pass of our own over transformers' modules.

The modules that hold weights are the dense model's, so that parameters keep their names and transformers
initialises, ties, resizes and saves them as its own; heads and outputs are transformers'. Only the table of
global tokens is added.

Shapes: b batch, p prepended global tokens.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import (
    BaseModelOutputWithPastAndCrossAttentions,
    BaseModelOutputWithPoolingAndCrossAttentions,
)

from .lsg_attention import LSGSelfAttention

GLOBAL_TABLE_ROWS = 512


class LSGConfig:
    """The keys that an LSG config adds to its type's; a checkpoint that lacks one means what stands here."""

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
    """The parts of one layer, in the order in which they are applied; each maps (b, length, ·) to (b, length,
    ·)."""

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


class LSGModel:
    """Put before a type's dense model among the bases of its LSG model, it gives it its forward pass."""

    supports_gradient_checkpointing = True
    gradient_checkpointing = False

    def __init__(self, config: Any, *args: Any, **kwargs: Any):
        super().__init__(config, *args, **kwargs)
        self._add_lsg()
        self.post_init()

    @classmethod
    def adopt(cls, dense: nn.Module) -> None:
        """Makes a dense model, just built, one of this class; nothing is allocated but the global tokens."""
        dense.__class__ = cls
        dense._add_lsg()

    def _add_lsg(self) -> None:
        config = self.config
        _check_config(config)
        words = self.embeddings.word_embeddings
        self.embeddings.global_embeddings = nn.Embedding(GLOBAL_TABLE_ROWS, words.embedding_dim)
        self.num_prepended_tokens = config.num_global_tokens - int(config.first_token_is_global)
        self.lsg_attention = LSGSelfAttention(
            config.block_size,
            config.sparse_block_size,
            config.sparsity_factor,
            config.sparsity_type,
            num_global_tokens=config.num_global_tokens,
            num_prepended_tokens=self.num_prepended_tokens,
            is_causal=getattr(config, "is_decoder", False),
            lsh_num_pre_rounds=config.lsh_num_pre_rounds,
            attention_dropout_prob=self._attention_dropout_prob(),
        )

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """
        Args:
            input_ids, token_type_ids, position_ids: (b, length).
            attention_mask: (b, length), or (b, length, length) with a row for every query; 0 hides a token.
            inputs_embeds: (b, length, width of the embeddings), in place of input_ids.

        Returns: last_hidden_state and each of hidden_states: (b, length, hidden), without the global tokens.
        """
        self._refuse_unsupported(kwargs)
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give either input_ids or inputs_embeds")
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        if return_dict is None:
            return_dict = self.config.return_dict

        hidden = self._embed(input_ids, token_type_ids, position_ids, inputs_embeds)
        mask = self._additive_mask(attention_mask, hidden)
        every_hidden = [self._without_globals(hidden)] if output_hidden_states else None
        for layer in self._layers():
            if self.gradient_checkpointing and self.training:
                hidden = self._gradient_checkpointing_func(self._run_layer, layer, hidden, mask)
            else:
                hidden = self._run_layer(layer, hidden, mask)
            if output_hidden_states:
                every_hidden.append(self._without_globals(hidden))
        return self._outputs(self._without_globals(hidden), every_hidden, return_dict)

    def _embed(
        self,
        input_ids: Tensor | None,
        token_type_ids: Tensor | None,
        position_ids: Tensor | None,
        inputs_embeds: Tensor | None,
    ) -> Tensor:
        """(b, length) → (b, p + length, hidden)."""
        embeddings = self.embeddings
        if inputs_embeds is None:
            inputs_embeds = embeddings.word_embeddings(input_ids)
        batch, length, _ = inputs_embeds.shape
        device = inputs_embeds.device
        if position_ids is None:
            longest = embeddings.position_embeddings.num_embeddings - self._first_position()
            if length > longest:
                raise ValueError(f"{length} tokens, but the table of positions is for {longest}")
            position_ids = self._position_ids(input_ids, length, device)
        hidden = inputs_embeds + embeddings.position_embeddings(position_ids)
        if hasattr(embeddings, "token_type_embeddings"):
            if token_type_ids is None:
                token_type_ids = torch.zeros(1, length, dtype=torch.long, device=device)
            hidden = hidden + embeddings.token_type_embeddings(token_type_ids)
        if self.num_prepended_tokens > 0:
            rows = torch.arange(
                int(self.config.first_token_is_global), self.config.num_global_tokens, device=device
            )
            hidden = torch.cat([embeddings.global_embeddings(rows).expand(batch, -1, -1), hidden], dim=1)
        return self._project(embeddings.dropout(embeddings.LayerNorm(hidden)))

    def _additive_mask(self, attention_mask: Tensor | None, hidden: Tensor) -> Tensor:
        """→ (b, 1, 1 or length, length): 0 for a visible key, else the least number of hidden's dtype."""
        batch, rows, _ = hidden.shape
        length = rows - self.num_prepended_tokens
        if attention_mask is None:
            attention_mask = torch.ones(batch, length, device=hidden.device)
        if attention_mask.shape not in [(batch, length), (batch, length, length)]:
            raise ValueError(
                f"attention_mask has shape {tuple(attention_mask.shape)}, expected {(batch, length)} or "
                f"{(batch, length, length)}"
            )
        invisible = (
            attention_mask[:, None, None] == 0 if attention_mask.dim() == 2 else attention_mask[:, None] == 0
        )
        if self.config.mask_first_token:
            invisible = invisible | (torch.arange(length, device=hidden.device) == 0)
        return torch.zeros_like(invisible, dtype=hidden.dtype).masked_fill(
            invisible, torch.finfo(hidden.dtype).min
        )

    def _run_layer(self, layer: Layer, hidden: Tensor, mask: Tensor) -> Tensor:
        """(b, p + length, hidden) → the same."""
        batch, rows, width = hidden.shape
        head_dim = width // self.config.num_attention_heads
        query, key, value = (
            linear(hidden).view(batch, rows, -1, head_dim).transpose(1, 2)
            for linear in (layer.query, layer.key, layer.value)
        )
        context = self.lsg_attention(query, key, value, mask).transpose(1, 2).flatten(2)
        attended = layer.attention_output(context)
        if layer.attention_dropout is not None:
            attended = layer.attention_dropout(attended)
        hidden = layer.attention_norm(attended + hidden)
        output = layer.output(layer.activation(layer.intermediate(hidden)))
        if layer.output_dropout is not None:
            output = layer.output_dropout(output)
        return layer.output_norm(output + hidden)

    def _without_globals(self, hidden: Tensor) -> Tensor:
        """(b, p + length, hidden) → (b, length, hidden); global token 0, if prepended, stands in for token
        0."""
        tokens = hidden[:, self.num_prepended_tokens :]
        replaces = self.config.pool_with_global or self.config.mask_first_token
        if replaces and not self.config.first_token_is_global:
            return torch.cat([hidden[:, :1], tokens[:, 1:]], dim=1)
        return tokens

    def _outputs(self, last: Tensor, every_hidden: list[Tensor] | None, return_dict: bool) -> Any:
        every_hidden = None if every_hidden is None else tuple(every_hidden)
        if not hasattr(self, "pooler"):
            if not return_dict:
                return (last,) if every_hidden is None else (last, every_hidden)
            return BaseModelOutputWithPastAndCrossAttentions(
                last_hidden_state=last, hidden_states=every_hidden
            )
        pooled = None if self.pooler is None else self._pool(last)
        if not return_dict:
            # Heads count on the second place being the pooler's, filled or not.
            return (last, pooled) if every_hidden is None else (last, pooled, every_hidden)
        return BaseModelOutputWithPoolingAndCrossAttentions(
            last_hidden_state=last, pooler_output=pooled, hidden_states=every_hidden
        )

    def _refuse_unsupported(self, kwargs: dict[str, Any]) -> None:
        names = ("head_mask", "encoder_hidden_states", "encoder_attention_mask", "past_key_values")
        given = [name for name in names if kwargs.get(name) is not None]
        if kwargs.get("output_attentions") or getattr(self.config, "output_attentions", False):
            given.append("output_attentions")
        if given:
            raise ValueError(f"{type(self).__name__} does not support {', '.join(given)}")

    # What differs between types.

    def _layers(self) -> list[Layer]:
        return [bert_layer(layer) for layer in self.encoder.layer]

    def _attention_dropout_prob(self) -> float:
        return self.config.attention_probs_dropout_prob

    def _first_position(self) -> int:
        return 0

    def _position_ids(self, input_ids: Tensor | None, length: int, device: torch.device) -> Tensor:
        """(1 or b, length)."""
        return torch.arange(length, device=device)[None] + self._first_position()

    def _project(self, embedded: Tensor) -> Tensor:
        """From the width of the embeddings to that of the layers."""
        return embedded

    def _pool(self, last: Tensor) -> Tensor:
        """(b, length, hidden) → (b, hidden)."""
        return self.pooler(last)


class RobertaPositions:
    """Position ids of RoBERTa and its relatives: they begin behind pad_token_id and pass over padding."""

    def _first_position(self) -> int:
        return self.config.pad_token_id + 1

    def _position_ids(self, input_ids: Tensor | None, length: int, device: torch.device) -> Tensor:
        if input_ids is None:
            return super()._position_ids(input_ids, length, device)
        is_token = (input_ids != self.config.pad_token_id).long()
        return is_token.cumsum(dim=1) * is_token + self.config.pad_token_id


class LSGHead:
    """Put before a head of transformers among the bases of its LSG class: the head, over an LSG model."""

    lsg_model: type[LSGModel]
    supports_gradient_checkpointing = True

    def __init__(self, config: Any, *args: Any, **kwargs: Any):
        super().__init__(config, *args, **kwargs)
        self.lsg_model.adopt(self.base_model)
        self.post_init()


class Generation:
    """Put before a head that generates. Each step reads the whole text: keys and values are not cached."""

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        return {"input_ids": input_ids, "attention_mask": attention_mask, "use_cache": False}


def _check_config(config: Any) -> None:
    if not 1 <= config.num_global_tokens <= GLOBAL_TABLE_ROWS:
        raise ValueError(
            f"num_global_tokens is {config.num_global_tokens}, expected 1 to {GLOBAL_TABLE_ROWS}"
        )
    if config.mask_first_token and config.first_token_is_global:
        raise ValueError("mask_first_token and first_token_is_global exclude each other")
    if getattr(config, "position_embedding_type", "absolute") not in (None, "absolute"):
        raise ValueError(
            f"position_embedding_type is {config.position_embedding_type!r}, expected 'absolute'"
        )
    if getattr(config, "add_cross_attention", False):
        raise ValueError("add_cross_attention is true: LSG models have no cross-attention")
