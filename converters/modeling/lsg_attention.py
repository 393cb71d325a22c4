"""Local, sparse and global self-attention: layers without weights of their own, for any model.

Tokens are cut into blocks. A query sees its own block, the blocks beside it, sparse keys made of what lies
beyond on either side, and the global tokens; a global token sees everything and is seen by every query. Up to
two blocks all of that is full attention.

Shapes: b batch, h heads, d head_dim; rows: prepended tokens and sequence.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .lsg_blocks import attend_blocks
from .lsg_cpu import View, attend_by_views, block_views
from .lsg_layout import Layout, Pool, bias_at, causal_bias, hidden_score
from .lsg_sparsity import Keys, Sparsity, check_sparsity, sparse_keys


class LSGSelfAttention(nn.Module):
    """
    Args:
        block_size: tokens in a block.
        sparse_block_size: sparse keys that a block sees on each side; 0 for none.
        sparsity_factor: a sparse key stands for so many keys; 0 for none.
        sparsity_type: "norm", "pooling", "stride", "block_stride", "bos_pooling", "lsh"; "none" or None for
            none.
        num_global_tokens: the first so many rows are global.
        num_prepended_tokens: so many of these stand before the sequence and are part of no block. One more
            global token can follow, the sequence's own first; queries see it as a global token only.
        is_causal: a query sees no later key. A prepended token then sees nothing: its context is its own
            query.
        lsh_num_pre_rounds: rounds of merging before "lsh" makes its sparse keys.
        global_scaling_length: two blocks or more; in a row with more visible tokens, n, the scores of global
            tokens, without their bias, are times log n / log of this, but if is_causal. None: they never are.
        attention_dropout_prob: dropout of the attention weights in training.
    """

    def __init__(
        self,
        block_size: int = 128,
        sparse_block_size: int = 0,
        sparsity_factor: int = 0,
        sparsity_type: str | None = None,
        num_global_tokens: int = 1,
        num_prepended_tokens: int = 0,
        is_causal: bool = False,
        lsh_num_pre_rounds: int = 1,
        global_scaling_length: int | None = None,
        attention_dropout_prob: float = 0.0,
    ):
        super().__init__()
        if num_global_tokens - num_prepended_tokens not in (0, 1):
            raise ValueError(
                f"num_global_tokens is {num_global_tokens}, expected {num_prepended_tokens}, which is "
                f"num_prepended_tokens, or {num_prepended_tokens + 1}, where the first token is global"
            )
        self.attention_dropout_prob = attention_dropout_prob
        self.global_scaling_length = None if is_causal else global_scaling_length
        self.sparsity: Sparsity | None = None
        if sparse_block_size > 0 and sparsity_factor > 0 and sparsity_type not in (None, "none"):
            self.sparsity = Sparsity(
                block_size, sparse_block_size, sparsity_factor, sparsity_type, lsh_num_pre_rounds
            )
            check_sparsity(self.sparsity)
        self.layout = Layout(
            block_size,
            num_prepended_tokens,
            num_global_tokens,
            is_causal,
            sparse_size=0 if self.sparsity is None else sparse_block_size,
            sparse_step=0 if self.sparsity is None else block_size // sparsity_factor,
        )

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None = None,
        relative_bias: Tensor | None = None,
    ) -> Tensor:
        """
        Args:
            query, key, value: (b, h, num_prepended_tokens + length, d), any length.
            attention_mask: added to the scores of the length tokens, 0 for a visible key and very negative
                for a hidden one: (b, 1, 1, length), or (b, 1, length, length) with a row for every query.
            relative_bias: (h, 2 n + 1), added to the scores of keys at offsets -n to n, seen from their
                query, and to those of farther keys as at the ends. Prepended tokens stand where the first
                token does.

        Returns: the context, of query's shape.
        """
        prepended, rows = self.layout.num_prepended_tokens, query.shape[2]
        length = rows - prepended
        if attention_mask is None:
            attention_mask = query.new_zeros(query.shape[0], 1, 1, length)
        mask = attention_mask.to(query.dtype).clamp(min=hidden_score(query.dtype))
        position = (torch.arange(rows, device=query.device) - prepended).clamp(min=0)
        tokens = Pool(key, value, self._with_prepended(mask), position[None, None])
        dropout = self.attention_dropout_prob if self.training else 0.0
        on_cpu = query.device.type == "cpu" and not torch.compiler.is_compiling()
        if relative_bias is not None:
            relative_bias = relative_bias.to(query.dtype)
            # Views give it no gradient.
            on_cpu = on_cpu and not (self.training or torch.is_grad_enabled())

        if length <= 2 * self.layout.block_size:
            if self.layout.is_causal:
                tokens = tokens._replace(bias=torch.minimum(tokens.bias, causal_bias(rows, rows, mask)))
            if relative_bias is not None:
                offsets = (position - position[:, None])[None]
                tokens = tokens._replace(bias=tokens.bias + bias_at(relative_bias, offsets))
            if on_cpu and dropout > 0:
                every_row = View(slice(0, rows), [(0, slice(0, rows))])
                context = attend_by_views(query, [tokens], [every_row], dropout)
            else:
                context = F.scaled_dot_product_attention(
                    query, key, value, attn_mask=tokens.bias, dropout_p=dropout
                )
        else:
            sparse = None if self.sparsity is None else self._sparse(query, tokens)
            if self.global_scaling_length is not None:
                query = self._scale_globals(query, tokens.bias)
            if on_cpu:
                pools = [tokens] if sparse is None else [tokens, sparse]
                views = block_views(self.layout, rows, 0 if sparse is None else sparse.key.shape[2])
                context = attend_by_views(query, pools, views, dropout, relative_bias)
            else:
                context = attend_blocks(query, tokens, sparse, self.layout, dropout, relative_bias)
        if self.layout.is_causal and prepended > 0:
            parts = [query[:, :, :prepended], context[:, :, prepended:]]
            context = torch.cat([part.transpose(1, 2) for part in parts], dim=1).transpose(1, 2)
        return context

    def extra_repr(self) -> str:
        return f"{self.layout}, sparsity={self.sparsity}"

    def _with_prepended(self, mask: Tensor) -> Tensor:
        """mask with the prepended tokens in its columns and, where every query has a row, in its rows."""
        prepended = self.layout.num_prepended_tokens
        if mask.shape[2] > 1 and prepended > 0:
            seen_by_any = mask.amax(dim=2, keepdim=True)
            mask = torch.cat([seen_by_any.expand(-1, -1, prepended, -1), mask], dim=2)
        return F.pad(mask, (prepended, 0))

    def _scale_globals(self, query: Tensor, bias: Tensor) -> Tensor:
        """query with those of global tokens scaled by how many tokens they see; bias is that of the rows."""
        count, scaled_from = self.layout.num_global_tokens, self.global_scaling_length
        seen = (bias[:, :, :count, self.layout.num_prepended_tokens :] == 0).sum(dim=-1, keepdim=True)
        factor = torch.where(seen > scaled_from, seen.float().log() / math.log(scaled_from), 1.0)
        parts = [query[:, :, :count] * factor.to(query.dtype), query[:, :, count:]]
        return torch.cat([part.transpose(1, 2) for part in parts], dim=1).transpose(1, 2)

    def _sparse(self, query: Tensor, tokens: Pool) -> Pool:
        """The sparse keys, layout.sparse_step for each block, the last one counted as whole."""
        prepended, block = self.layout.num_prepended_tokens, self.layout.block_size
        length = tokens.key.shape[2] - prepended
        own_first = torch.arange(length, device=query.device) < self.layout.num_global_tokens - prepended
        end = -length % block
        keys = Keys(
            *(F.pad(x[:, :, prepended:], (0, 0, 0, end)) for x in (tokens.key, tokens.value)),
            F.pad((tokens.bias[..., prepended:] == 0) & ~own_first, (0, end)),
            torch.arange(length + end, device=query.device)[None, None],
        )
        key, value, visible, position = sparse_keys(
            keys, query[:, :, prepended : prepended + 1], self.sparsity
        )
        bias = torch.zeros_like(visible, dtype=query.dtype)
        return Pool(key, value, bias.masked_fill(~visible, hidden_score(query.dtype)), position)


class BlockLocalSelfAttention(LSGSelfAttention):
    """Local attention alone, with the first token global or not."""

    def __init__(
        self,
        block_size: int = 128,
        compute_global_attention: bool = True,
        is_causal: bool = False,
        attention_dropout_prob: float = 0.0,
    ):
        super().__init__(
            block_size,
            num_global_tokens=int(compute_global_attention),
            is_causal=is_causal,
            attention_dropout_prob=attention_dropout_prob,
        )
