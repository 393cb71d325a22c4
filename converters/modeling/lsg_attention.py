"""Local, sparse and global self-attention: layers without weights of their own, for any model.

Tokens are cut into blocks. A query sees its own block, the blocks beside it, sparse keys made of what lies
beyond on either side, and the global tokens; a global token sees everything and is seen by every query. Up to
two blocks all of that is full attention.

Shapes: b batch, h heads, n blocks, d head_dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .lsg_dropout import attend_with_dropout
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
        attention_dropout_prob: float = 0.0,
    ):
        super().__init__()
        if num_global_tokens - num_prepended_tokens not in (0, 1):
            raise ValueError(
                f"num_global_tokens is {num_global_tokens}, expected {num_prepended_tokens}, which is "
                f"num_prepended_tokens, or {num_prepended_tokens + 1}, where the first token is global"
            )
        self.block_size = block_size
        self.num_global_tokens = num_global_tokens
        self.num_prepended_tokens = num_prepended_tokens
        self.is_causal = is_causal
        self.attention_dropout_prob = attention_dropout_prob
        self.sparsity: Sparsity | None = None
        if sparse_block_size > 0 and sparsity_factor > 0 and sparsity_type not in (None, "none"):
            self.sparsity = Sparsity(
                block_size, sparse_block_size, sparsity_factor, sparsity_type, lsh_num_pre_rounds
            )
            check_sparsity(self.sparsity)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None = None
    ) -> Tensor:
        """
        Args:
            query, key, value: (b, h, num_prepended_tokens + length, d), any length.
            attention_mask: added to the scores of the length tokens, 0 for a visible key and very negative
                for a hidden one: (b, 1, 1, length), or (b, 1, length, length) with a row for every query.

        Returns: the context, of query's shape.
        """
        prepended = self.num_prepended_tokens
        length = query.shape[2] - prepended
        if attention_mask is None:
            attention_mask = query.new_zeros(query.shape[0], 1, 1, length)
        mask = attention_mask.to(query.dtype).clamp(min=_hidden(query.dtype))
        if length <= 2 * self.block_size:
            context = self._full(query, key, value, mask)
        elif self.is_causal:
            context = self._blocks(query, key, value, mask)
        else:
            local = self._blocks(query, key, value, mask)[:, :, self.num_global_tokens - prepended :]
            context = _concat_rows(self._globals(query, key, value, mask), local)
        if self.is_causal and prepended > 0:
            context = _concat_rows(query[:, :, :prepended], context[:, :, -length:])
        return context

    def extra_repr(self) -> str:
        return f"block_size={self.block_size}, is_causal={self.is_causal}, sparsity={self.sparsity}"

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        dropout = self.attention_dropout_prob if self.training else 0.0
        if dropout > 0 and query.device.type == "cpu" and not torch.compiler.is_compiling():
            return attend_with_dropout(query, key, value, bias, dropout)
        return F.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=dropout)

    def _full(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Every token sees every other one, or none that is later."""
        if self.is_causal:
            mask = torch.minimum(mask, _causal_bias(mask.shape[-1], mask))
        return self._attend(query, key, value, self._with_prepended(mask))

    def _globals(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """The context of the global tokens: (b, h, num_global_tokens, d)."""
        count = self.num_global_tokens
        return self._attend(query[:, :, :count], key, value, self._with_prepended(mask)[:, :, :count])

    def _with_prepended(self, mask: Tensor) -> Tensor:
        """mask with the prepended tokens in its columns and, where every query has a row, in its rows."""
        prepended = self.num_prepended_tokens
        if mask.shape[2] > 1 and prepended > 0:
            seen_by_any = mask.amax(dim=2, keepdim=True)
            mask = torch.cat([seen_by_any.expand(-1, -1, prepended, -1), mask], dim=2)
        return F.pad(mask, (prepended, 0))

    def _blocks(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """The context of the tokens, every query in its block: (b, h, length, d)."""
        batch, prepended, block = query.shape[0], self.num_prepended_tokens, self.block_size
        length = query.shape[2] - prepended
        blocks = -(-length // block)
        end = blocks * block - length

        # A block before the first and one behind the last, so that every block has neighbours.
        keys, values = (F.pad(x[:, :, prepended:], (0, 0, block, end + block)) for x in (key, value))
        local = block * (2 if self.is_causal else 3)
        global_keys, global_values = (
            x[:, None, :, : self.num_global_tokens].expand(-1, blocks, -1, -1, -1) for x in (key, value)
        )
        key_parts = [global_keys, _windows(keys, local, block, blocks)]
        value_parts = [global_values, _windows(values, local, block, blocks)]
        bias_parts = self._bias_parts(mask, blocks)
        if self.sparsity is not None:
            visible = self._visible_tokens(mask)
            tokens = Keys(keys[:, :, block:-block], values[:, :, block:-block], F.pad(visible, (0, end)))
            sparse = sparse_keys(tokens, query[:, :, prepended : prepended + 1], self.sparsity)
            bias = torch.zeros_like(sparse.visible, dtype=mask.dtype)
            bias = bias.masked_fill(~sparse.visible, _hidden(mask.dtype))
            key_parts += self._sparse_windows(sparse.key, blocks)
            value_parts += self._sparse_windows(sparse.value, blocks)
            sides = self._sparse_windows(bias[..., None], blocks, _hidden(mask.dtype))
            bias_parts += [side.transpose(-1, -2) for side in sides]

        queries = F.pad(query[:, :, prepended:], (0, 0, 0, end)).unflatten(2, (blocks, block)).transpose(1, 2)
        parts = queries, torch.cat(key_parts, 3), torch.cat(value_parts, 3), _concat_columns(bias_parts)
        context = self._attend(*(x.flatten(0, 1) for x in parts))
        return context.unflatten(0, (batch, blocks)).transpose(1, 2).flatten(2, 3)[:, :, :length]

    def _bias_parts(self, mask: Tensor, blocks: int) -> list[Tensor]:
        """What is added to the scores of the global tokens, (b, n, 1, 1 or block_size, num_global_tokens),
        and of a block's local window, (b, n, 1, 1 or block_size, 3 blocks or, if causal, 2)."""
        block, device, hidden = self.block_size, mask.device, _hidden(mask.dtype)
        rows, length = mask.shape[2:]
        if rows > 1:
            by_block = (
                F.pad(mask, (0, 0, 0, blocks * block - length)).unflatten(2, (blocks, block)).transpose(1, 2)
            )
        else:
            by_block = mask[:, None].expand(-1, blocks, -1, -1, -1)
        own_globals = self.num_global_tokens - self.num_prepended_tokens
        global_bias = F.pad(by_block[..., :own_globals], (self.num_prepended_tokens, 0))

        own_first = torch.arange(length, device=device) < own_globals
        end = (blocks + 1) * block - length
        padded = F.pad(by_block.masked_fill(own_first, hidden), (block, end), value=hidden)
        local = block * (2 if self.is_causal else 3)
        columns = torch.arange(blocks, device=device)[:, None] * block + torch.arange(local, device=device)
        local_bias = padded.gather(-1, columns[:, None, None].expand(*padded.shape[:-1], local))
        if self.is_causal:
            causal = F.pad(_causal_bias(block, mask), (block, 0))
            local_bias = torch.minimum(local_bias, causal)
        return [global_bias, local_bias]

    def _visible_tokens(self, mask: Tensor) -> Tensor:
        """Which keys can be chosen as sparse ones: bool (b, 1, length)."""
        if mask.shape[2] > 1:
            raise ValueError(
                f"attention_mask has a row for each of {mask.shape[2]} queries. Above 2 * block_size = "
                f"{2 * self.block_size} tokens that needs sparsity_type 'none': queries share sparse keys"
            )
        own_globals = self.num_global_tokens - self.num_prepended_tokens
        own_first = torch.arange(mask.shape[-1], device=mask.device) < own_globals
        return (mask[:, :, 0] == 0) & ~own_first

    def _sparse_windows(self, x: Tensor, blocks: int, outside: float = 0.0) -> list[Tensor]:
        """x (b, h, m, d) → the sparse keys just beyond each block's local window: before it and, unless
        causal, behind it, both (b, n, h, sparse_block_size, d)."""
        size, step = self.sparsity.sparse_block_size, self.block_size // self.sparsity.sparsity_factor
        padded = F.pad(x, (0, 0, size + step, size + step), value=outside)
        starts = [0] if self.is_causal else [0, size + 3 * step]
        return [_windows(padded[:, :, start:], size, step, blocks) for start in starts]


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


def _hidden(dtype: torch.dtype) -> float:
    """What is added to the score of a hidden key: finite, so that a row with every key hidden has a softmax,
    and far enough from the least number that a score beside it doesn't overflow."""
    return torch.finfo(dtype).min / 2


def _causal_bias(length: int, like: Tensor) -> Tensor:
    """(length, length), of like's dtype: hides later keys."""
    return torch.full((length, length), _hidden(like.dtype), dtype=like.dtype, device=like.device).triu(1)


def _windows(x: Tensor, size: int, step: int, count: int) -> Tensor:
    """x (b, h, t, d) → count overlapping windows, (b, count, h, size, d), one every step rows."""
    return x.unfold(2, size, step)[:, :, :count].permute(0, 2, 1, 4, 3)


def _concat_rows(first: Tensor, second: Tensor) -> Tensor:
    """(b, h, ., d) both; laid out in memory as (b, ., h, d), so that merging the heads copies nothing."""
    return torch.cat([first.transpose(1, 2), second.transpose(1, 2)], dim=1).transpose(1, 2)


def _concat_columns(parts: list[Tensor]) -> Tensor:
    """Concatenates (b, n, 1 or h, 1 or block_size, .) along the last axis."""
    shape = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
    return torch.cat([part.expand(*shape, -1) for part in parts], dim=-1)
