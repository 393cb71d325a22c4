"""What all LSG models share: how a dense model becomes one, and what every LSG encoder does.

The modules that hold weights are the dense model's, so that parameters keep their names and transformers
initialises, ties, resizes and saves them as its own; heads, decoders and outputs are transformers'. Only the
table of global tokens is added.

Shapes: b batch, p prepended global tokens.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .lsg_attention import LSGSelfAttention
from .lsg_config import check_config


class LSGModule:
    """Put before a dense model among the bases of its LSG class."""

    def __init__(self, config: Any, *args: Any, **kwargs: Any):
        super().__init__(config, *args, **kwargs)
        self._add_lsg()
        self.post_init()

    @classmethod
    def adopt(cls, dense: nn.Module) -> None:
        """Makes a dense model, just built, one of this class; nothing is allocated but the global tokens."""
        dense.__class__ = cls
        dense._add_lsg()


class LSGHead(LSGModule):
    """Put before a head of transformers among the bases of its LSG class: the head, over an LSG model."""

    lsg_model: type[LSGModule]
    supports_gradient_checkpointing = True

    def _add_lsg(self) -> None:
        self.lsg_model.adopt(self.base_model)


class LSGEncoder(LSGModule):
    """LSG attention, its mask, and the global tokens' coming and going."""

    supports_gradient_checkpointing = True
    gradient_checkpointing = False

    def _add_attention(self, dropout: float, is_causal: bool = False) -> None:
        config = self.config
        check_config(config)
        self.num_prepended_tokens = config.num_global_tokens - int(config.first_token_is_global)
        self.lsg_attention = LSGSelfAttention(
            config.block_size,
            config.sparse_block_size,
            config.sparsity_factor,
            config.sparsity_type,
            num_global_tokens=config.num_global_tokens,
            num_prepended_tokens=self.num_prepended_tokens,
            is_causal=is_causal,
            lsh_num_pre_rounds=config.lsh_num_pre_rounds,
            global_scaling_length=config.global_scaling_length,
            attention_dropout_prob=dropout,
        )

    def _check_length(self, length: int, longest: int) -> None:
        if length > longest:
            raise ValueError(f"{length} tokens, but the table of positions is for {longest}")

    def _with_globals(self, hidden: Tensor, table: nn.Embedding) -> Tensor:
        """(b, length, width) → (b, p + length, width), the prepended tokens from table."""
        if self.num_prepended_tokens == 0:
            return hidden
        first, end = int(self.config.first_token_is_global), self.config.num_global_tokens
        rows = table(torch.arange(first, end, device=hidden.device))
        return torch.cat([rows.expand(hidden.shape[0], -1, -1), hidden], dim=1)

    def _without_globals(self, hidden: Tensor, length: int) -> Tensor:
        """(b, p + length, hidden) → (b, length, hidden); global token 0, if prepended, stands in for token
        0."""
        tokens = hidden[:, -length:]
        replaces = self.config.pool_with_global or self.config.mask_first_token
        if replaces and hidden.shape[1] > length and not self.config.first_token_is_global:
            return torch.cat([hidden[:, :1], tokens[:, 1:]], dim=1)
        return tokens

    def _additive_mask(
        self, attention_mask: Tensor | None, hidden: Tensor, length: int, row_for_every_query: bool = False
    ) -> Tensor:
        """→ (b, 1, 1 or length, length): 0 for a visible key, else the least number of hidden's dtype."""
        batch = hidden.shape[0]
        if attention_mask is None:
            attention_mask = torch.ones(batch, length, device=hidden.device)
        expected = [(batch, length)] + [(batch, length, length)] * row_for_every_query
        if attention_mask.shape not in expected:
            raise ValueError(
                f"attention_mask has shape {tuple(attention_mask.shape)}, expected "
                f"{' or '.join(str(shape) for shape in expected)}"
            )
        invisible = (
            attention_mask[:, None, None] == 0 if attention_mask.dim() == 2 else attention_mask[:, None] == 0
        )
        if self.config.mask_first_token:
            invisible = invisible | (torch.arange(length, device=hidden.device) == 0)
        return torch.zeros_like(invisible, dtype=hidden.dtype).masked_fill(
            invisible, torch.finfo(hidden.dtype).min
        )

    def _refuse_unsupported(self, kwargs: dict[str, Any]) -> None:
        names = ("head_mask", "encoder_hidden_states", "encoder_attention_mask")
        given = [name for name in names if kwargs.get(name) is not None]
        if kwargs.get("output_attentions") or getattr(self.config, "output_attentions", False):
            given.append("output_attentions")
        if given:
            raise ValueError(f"{type(self).__name__} does not support {', '.join(given)}")
