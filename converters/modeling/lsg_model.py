"""What the LSG models of one stack of layers share: a forward pass of our own over transformers' modules.

Shapes: b batch, p prepended global tokens.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .dense_layer import Layer
from .dense_parts import DenseParts
from .lsg_base import LSGEncoder
from .lsg_config import GLOBAL_TABLE_ROWS
from .lsg_generation import LSGCache


class LSGModel(DenseParts, LSGEncoder):
    """Put before a type's dense model among the bases of its LSG model, it gives it its forward pass."""

    def _add_lsg(self) -> None:
        words = self.embeddings.word_embeddings
        self.embeddings.global_embeddings = nn.Embedding(GLOBAL_TABLE_ROWS, words.embedding_dim)
        self._add_attention(self._attention_dropout_prob(), getattr(self.config, "is_decoder", False))

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_key_values: Any = None,
        use_cache: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """
        Args:
            input_ids, token_type_ids, position_ids: (b, length).
            attention_mask: (b, length), or (b, length, length) with a row for every query; 0 hides a token.
                With past_key_values it is (b, their length + length).
            inputs_embeds: (b, length, width of the embeddings), in place of input_ids.
            past_key_values: what an earlier call returned; the tokens follow those that it has read.
            use_cache: return past_key_values, where the model is causal and has no sparse keys.

        Returns: last_hidden_state and each of hidden_states: (b, length, hidden), without the global tokens.
        """
        self._refuse_unsupported(kwargs)
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give either input_ids or inputs_embeds")
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        if return_dict is None:
            return_dict = self.config.return_dict

        cache = self._open_cache(past_key_values, use_cache)
        past = 0 if cache is None else cache.length
        hidden = self._embed(input_ids, token_type_ids, position_ids, inputs_embeds, past, kwargs)
        length = hidden.shape[1] - (self.num_prepended_tokens if past == 0 else 0)
        mask = self._additive_mask(attention_mask, hidden, past + length, row_for_every_query=past == 0)
        if past > 0:
            mask = cache.bias(mask)
        relative_bias = self._relative_bias()
        every_hidden = [self._without_globals(hidden, length)] if output_hidden_states else None
        for index, layer in enumerate(self._layers()):
            if self.gradient_checkpointing and self.training:
                hidden = self._gradient_checkpointing_func(
                    self._run_layer, layer, hidden, mask, relative_bias
                )
            else:
                hidden = self._run_layer(layer, hidden, mask, relative_bias, cache, index)
            if output_hidden_states:
                every_hidden.append(self._without_globals(hidden, length))
        if cache is not None:
            cache.advance(length)
        last = self._without_globals(self._final_norm(hidden), length)
        if output_hidden_states:
            every_hidden[-1] = last
        pooled = self._pool(last) if self._has_pooler() else None
        every_hidden = tuple(every_hidden) if output_hidden_states else None
        return self._output(last, pooled, every_hidden, return_dict, cache)

    def _open_cache(self, past_key_values: Any, use_cache: bool | None) -> LSGCache | None:
        """The cache given or, in place of none or of an empty one of transformers, a new one, if of use."""
        if isinstance(past_key_values, LSGCache):
            return past_key_values
        if past_key_values is not None and (
            not hasattr(past_key_values, "get_seq_length") or past_key_values.get_seq_length() > 0
        ):
            raise ValueError(
                f"past_key_values is a {type(past_key_values).__name__}, expected what this model returned"
            )
        training = self.gradient_checkpointing and self.training
        usable = self.lsg_attention.layout.is_causal and self.lsg_attention.sparsity is None and not training
        return LSGCache(self.lsg_attention.layout) if use_cache and usable else None

    def _embed(
        self,
        input_ids: Tensor | None,
        token_type_ids: Tensor | None,
        position_ids: Tensor | None,
        inputs_embeds: Tensor | None,
        past: int,
        others: dict[str, Any],
    ) -> Tensor:
        """(b, length) → (b, p + length, hidden); (b, length, hidden) where tokens have been read before."""
        embeddings = self.embeddings
        if inputs_embeds is None:
            inputs_embeds = embeddings.word_embeddings(input_ids)
        length, device = inputs_embeds.shape[1], inputs_embeds.device
        longest = embeddings.position_embeddings.num_embeddings - self._first_position()
        if position_ids is None or past > 0:
            self._check_length(past + length, longest)
        if position_ids is None:
            position_ids = self._position_ids(input_ids, length, device) + past
        hidden = inputs_embeds + embeddings.position_embeddings(position_ids)
        hidden = self._add_types(hidden, token_type_ids, others)
        if past == 0:
            hidden = self._with_globals(hidden, embeddings.global_embeddings)
        if hasattr(embeddings, "LayerNorm"):
            hidden = embeddings.LayerNorm(hidden)
        return self._project(embeddings.dropout(hidden))

    def _run_layer(
        self,
        layer: Layer,
        hidden: Tensor,
        mask: Tensor,
        relative_bias: Tensor | None,
        cache: LSGCache | None = None,
        index: int = 0,
    ) -> Tensor:
        """(b, rows, hidden) → the same."""
        query, key, value = layer.heads(hidden, self.config.num_attention_heads)
        if cache is not None:
            held = cache.add(index, key, value)
        if cache is None or cache.length == 0:
            context = self.lsg_attention(query, key, value, mask, relative_bias)
        else:
            context = F.scaled_dot_product_attention(query, *held, attn_mask=mask)
        return layer.complete(hidden, context)

    # What differs between types.

    def _first_position(self) -> int:
        return 0

    def _position_ids(self, input_ids: Tensor | None, length: int, device: torch.device) -> Tensor:
        """(1 or b, length)."""
        return torch.arange(length, device=device)[None] + self._first_position()

    def _add_types(self, hidden: Tensor, token_type_ids: Tensor | None, others: dict[str, Any]) -> Tensor:
        """(b, length, width) → the same; others are inputs that not every type has."""
        return self._add_type(hidden, token_type_ids, getattr(self.embeddings, "token_type_embeddings", None))

    def _add_type(self, hidden: Tensor, ids: Tensor | None, table: nn.Embedding | None) -> Tensor:
        """Without ids every token is of type 0."""
        if table is None:
            return hidden
        if ids is None:
            ids = torch.zeros(1, hidden.shape[1], dtype=torch.long, device=hidden.device)
        return hidden + table(ids)


class RobertaPositions:
    """Position ids of RoBERTa and its relatives: they begin behind the padding's id and pass over padding."""

    def _first_position(self) -> int:
        return self.embeddings.padding_idx + 1

    def _position_ids(self, input_ids: Tensor | None, length: int, device: torch.device) -> Tensor:
        if input_ids is None:
            return super()._position_ids(input_ids, length, device)
        is_token = (input_ids != self.embeddings.padding_idx).long()
        return is_token.cumsum(dim=1) * is_token + self.embeddings.padding_idx
