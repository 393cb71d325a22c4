"""generate() in steps that cost no more the longer the text is.

A causal query sees the global tokens, its block and the block before, so of all earlier keys and values these
are kept. The cache is our own: it is what a model's output carries as past_key_values, in any transformers.

Shapes: b batch, h heads, d head_dim.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .lsg_layout import Layout, hidden_score


class LSGCache:
    """Keys and values of a causal model without sparse keys: of the global rows, then of tokens from some
    block on.

    Attributes:
        length: tokens that the model has read.
    """

    is_compileable = False

    def __init__(self, layout: Layout):
        self.layout = layout
        self.length = 0
        self._start = layout.num_global_tokens - layout.num_prepended_tokens
        self._layers: list[tuple[Tensor, Tensor]] = []

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.length

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Keeps these rows of the batch, as beam search asks."""
        self._layers = [
            tuple(x.index_select(0, beam_idx.to(x.device)) for x in pair) for pair in self._layers
        ]

    def add(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Takes the new rows of a layer. Returns all that its queries see, (b, h, ., d) both, and keeps what
        later ones see."""
        pair = (key, value)
        if layer < len(self._layers):
            pair = tuple(torch.cat(parts, dim=2) for parts in zip(self._layers[layer], pair))
        count = self.layout.num_global_tokens
        drop = self._start_after(self._start + pair[0].shape[2] - count) - self._start
        kept = pair
        if drop > 0:
            kept = tuple(torch.cat([x[:, :, :count], x[:, :, count + drop :]], dim=2) for x in pair)
        self._layers[layer : layer + 1] = [kept]
        return pair

    def advance(self, count: int) -> None:
        """Counts new tokens, of which each layer has been given its rows."""
        self.length += count
        self._start = self._start_after(self.length)

    def _start_after(self, length: int) -> int:
        """The first token, but for global ones, that the token behind so many sees."""
        return max(self._start, (length // self.layout.block_size - 1) * self.layout.block_size)

    def bias(self, mask: Tensor) -> Tensor:
        """For new tokens: mask (b, 1, 1, all tokens) → what is added to the scores of all that is held,
        (b, 1, new tokens, .)."""
        block, own = self.layout.block_size, self.layout.num_global_tokens - self.layout.num_prepended_tokens
        tokens = torch.arange(mask.shape[-1], device=mask.device)
        queries, keys = tokens[self.length :, None], tokens[self._start :]
        unseen = (keys > queries) | (keys // block < queries // block - 1)
        local = mask[..., self._start :].masked_fill(unseen, hidden_score(mask.dtype))
        first = F.pad(mask[..., :own], (self.layout.num_prepended_tokens, 0))
        return torch.cat([first.expand(-1, -1, local.shape[2], -1), local], dim=-1)


class Generation:
    """Put before a head that generates."""

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        past_key_values: Any = None,
        attention_mask: Tensor | None = None,
        use_cache: bool | None = True,
        **kwargs: Any,
    ) -> dict[str, Any]:
        past = 0 if past_key_values is None else past_key_values.get_seq_length()
        position_ids = None
        if past > 0:
            position_ids = self.base_model._position_ids(input_ids, input_ids.shape[1], input_ids.device)[
                :, past:
            ]
        return {
            "input_ids": input_ids[:, past:],
            "position_ids": position_ids,
            "attention_mask": attention_mask,
            "past_key_values": past_key_values,
            "use_cache": use_cache,
        }

    def _reorder_cache(self, past_key_values: LSGCache, beam_idx: Tensor) -> LSGCache:
        past_key_values.reorder_cache(beam_idx)
        return past_key_values
