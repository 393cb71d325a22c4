"""Local, sparse and global self-attention: layers without weights of their own, for any model.

Tokens are cut into blocks. A query sees its own block, the blocks beside it, sparse keys selected from what lies
beyond on either side, and the global tokens; a global token sees everything and is seen by every query.
Up to two blocks all of that is full attention.

Shapes: b batch, h heads, t tokens (a whole number of blocks), n blocks, m sparse keys, d head_dim.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .lsg_sparsity import SPARSITY_TYPES, SparseKeys


class LSGSelfAttention(nn.Module):
    """
    Args:
        block_size: tokens in a block.
        sparse_block_size: sparse keys that a block sees on each side; 0 for none.
        sparsity_factor: one sparse key is made of so many keys; 0 for none.
        sparsity_type: how: "norm", "pooling", "stride", "block_stride", "bos_pooling", "lsh"; "none" or None for none.
        num_global_tokens: the first so many rows are global.
        num_prepended_tokens: so many of these stand before the sequence and are part of no block; the next
            global token, if any, is the sequence's own first one, and is seen as a global token only.
        is_causal: a query sees no later key. A prepended token then sees nothing: its context is its own query.
        lsh_num_pre_rounds: rounds of merging before "lsh" makes its sparse keys.
        attention_dropout_prob: dropout of the attention's weights while training.
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
        if not 0 <= num_prepended_tokens <= num_global_tokens <= num_prepended_tokens + 1:
            raise ValueError(
                f"num_global_tokens is {num_global_tokens}, but with num_prepended_tokens {num_prepended_tokens} "
                f"it can be {num_prepended_tokens} or, where the first token is global, {num_prepended_tokens + 1}"
            )
        if sparsity_type not in (None, "none", *SPARSITY_TYPES):
            raise ValueError(f"sparsity_type is {sparsity_type!r}, expected 'none' or one of {list(SPARSITY_TYPES)}")
        self.block_size = block_size
        self.num_global_tokens = num_global_tokens
        self.num_prepended_tokens = num_prepended_tokens
        self.is_causal = is_causal
        self.attention_dropout_prob = attention_dropout_prob
        is_sparse = sparse_block_size > 0 and sparsity_factor > 0 and sparsity_type not in (None, "none")
        self.sparse_keys = (
            SparseKeys(block_size, sparse_block_size, sparsity_factor, sparsity_type, lsh_num_pre_rounds)
            if is_sparse
            else None
        )

    def forward(self, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """
        Args:
            query, key, value: (b, h, num_prepended_tokens + length, d), of any length.
            attention_mask: what is added to the scores of the length tokens, 0 or very negative:
                (b, 1, 1, length), or (b, 1, length, length) with a row for every query.

        Returns: the context, of query's shape.
        """
        length = query.shape[2] - self.num_prepended_tokens
        if attention_mask is None:
            attention_mask = query.new_zeros(query.shape[0], 1, 1, length)
        # Finite, and clear of the least number, so that a row with every key hidden still has a softmax.
        attention_mask = attention_mask.to(query.dtype).clamp(min=hidden_bias(query.dtype))
        if length <= 2 * self.block_size:
            context = self._full(query, key, value, attention_mask)
        else:
            context = self._blocks(query, key, value, attention_mask)
        if self.is_causal and self.num_prepended_tokens > 0:
            prepended = query[:, :, : self.num_prepended_tokens]
            context = _concat_rows(prepended, context[:, :, self.num_prepended_tokens :])
        return context

    def extra_repr(self) -> str:
        return f"block_size={self.block_size}, num_global_tokens={self.num_global_tokens}, is_causal={self.is_causal}"

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        dropout = self.attention_dropout_prob if self.training else 0.0
        return F.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=dropout)

    def _full(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        if self.is_causal:
            mask = torch.minimum(mask, causal_bias(mask.shape[-1], mask.dtype, mask.device))
        return self._attend(query, key, value, self._with_prepended(mask))

    def _with_prepended(self, mask: Tensor) -> Tensor:
        """A mask of the tokens (b, 1, 1 or length, length) with the prepended ones in its rows and columns."""
        prepended = self.num_prepended_tokens
        if mask.shape[2] > 1 and prepended > 0:
            # They see every token that any token sees.
            seen = mask.amax(dim=2, keepdim=True).expand(-1, -1, prepended, -1)
            mask = torch.cat([seen, mask], dim=2)
        return F.pad(mask, (prepended, 0))

    def _blocks(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        prepended, num_globals, block = self.num_prepended_tokens, self.num_global_tokens, self.block_size
        batch, _, rows, _ = query.shape
        length = rows - prepended
        blocks = -(-length // block)
        padding = blocks * block - length

        windows = [self._windows(x, padding) for x in (key, value)]
        bias = self._window_bias(mask, padding)
        if self.sparse_keys is not None:
            if mask.shape[2] > 1:
                raise ValueError(
                    f"attention_mask has a row for each of {length} queries: above 2 * block_size = {2 * block} "
                    "tokens that works without sparse keys only (sparsity_type 'none')"
                )
            tokens = [F.pad(x[:, :, prepended:], (0, 0, 0, padding)) for x in (key, value)]
            visible = F.pad(self._block_mask(mask)[:, :, 0] == 0, (0, padding))
            sparse = self.sparse_keys(query[:, :, prepended : prepended + 1], *tokens, visible)
            sides = [self._sparse_windows(x, blocks) for x in sparse[:2]]
            windows = [torch.cat([side, window], dim=3) for side, window in zip(sides, windows)]
            sparse_bias = torch.where(sparse.visible, 0.0, hidden_bias(bias.dtype)).to(bias.dtype)
            sparse_bias = self._sparse_windows(sparse_bias[..., None], blocks, hidden_bias(bias.dtype))
            bias = self._join(sparse_bias.transpose(-1, -2), bias)

        query_blocks = _split(F.pad(query[:, :, prepended:], (0, 0, 0, padding)), block)
        context = self._attend(*(x.flatten(0, 1) for x in (query_blocks, *windows, bias)))
        context = context.unflatten(0, (batch, blocks)).transpose(1, 2).flatten(2, 3)[:, :, :length]
        return context
