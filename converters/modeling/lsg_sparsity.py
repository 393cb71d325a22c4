"""Sparse keys of LSG attention: few keys that stand for many, chosen or merged from all tokens of a sequence.

Shapes: b batch, h heads, q queries, t tokens (a whole number of blocks), m = t / sparsity_factor sparse keys,
d head_dim.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Keys(NamedTuple):
    """key and value (b, h, t, d), which of them the queries see: bool (b, 1 or h, 1 or q, t), and where they
    stand: (1 or b, 1 or h, t)."""

    key: Tensor
    value: Tensor
    visible: Tensor
    position: Tensor

    def seen_by_any(self) -> Tensor:
        """(b, 1 or h, t)."""
        return self.visible.any(dim=2)


class Sparsity(NamedTuple):
    """Sizes of the sparse part, by their names in config.json."""

    block_size: int
    sparse_block_size: int
    sparsity_factor: int
    sparsity_type: str
    lsh_num_pre_rounds: int = 1


def sparse_keys(keys: Keys, first_query: Tensor, sparsity: Sparsity) -> Keys:
    """
    Args:
        keys: all tokens.
        first_query: (b, h, 1, d), the query of token 0, by which bos_pooling weighs keys.

    Returns: m keys and values. They are the same for all queries; a query sees one made of several keys if it
    sees all of these that any query sees, so that it learns nothing of what is hidden from it. One made of
    neighbours stands in their middle, where the earlier of two does, whichever of them it is made of.
    """
    if sparsity.sparsity_factor == 1:
        return keys
    return _WAYS[sparsity.sparsity_type](keys, first_query, sparsity)


def _by_norm(keys: Keys, first_query: Tensor, sparsity: Sparsity) -> Keys:
    """The keys of largest norm in each chunk, by increasing norm: a window can cut a chunk."""
    chunk = min(sparsity.block_size, sparsity.sparse_block_size)
    norms = keys.key.detach().norm(dim=-1) * keys.seen_by_any()
    largest = norms.unflatten(2, (-1, chunk)).topk(chunk // sparsity.sparsity_factor, dim=-1).indices.flip(-1)
    chunks = torch.arange(largest.shape[2], device=largest.device)
    return _choose(keys, (largest + (chunks * chunk)[:, None]).flatten(2))


def _by_stride(keys: Keys, first_query: Tensor, sparsity: Sparsity) -> Keys:
    """Every factor-th key; each head begins at another."""
    _, heads, tokens, _ = keys.key.shape
    factor, device = sparsity.sparsity_factor, keys.key.device
    first = torch.arange(heads, device=device) % factor
    return _choose(keys, torch.arange(0, tokens, factor, device=device) + first[:, None])


def _by_block_stride(keys: Keys, first_query: Tensor, sparsity: Sparsity) -> Keys:
    """The same contiguous part of every block; each head takes another."""
    _, heads, tokens, _ = keys.key.shape
    block, device = sparsity.block_size, keys.key.device
    part = block // sparsity.sparsity_factor
    within = (torch.arange(part, device=device) + part * torch.arange(heads, device=device)[:, None]) % block
    blocks = torch.arange(0, tokens, block, device=device)
    return _choose(keys, (within[:, None] + blocks[:, None]).flatten(1))


def _by_pooling(keys: Keys, first_query: Tensor, sparsity: Sparsity) -> Keys:
    """The mean of the visible ones among factor neighbours."""
    factor = sparsity.sparsity_factor
    visible = keys.seen_by_any().unflatten(2, (-1, factor))[..., None]
    count = visible.sum(dim=3)

    def mean(x: Tensor) -> Tensor:
        return _divide((x.unflatten(2, visible.shape[2:4]) * visible).sum(dim=3), count, 1e-6)

    return Keys(mean(keys.key), mean(keys.value), _of_neighbours(keys, factor), _middles(keys, factor))


def _by_bos_pooling(keys: Keys, first_query: Tensor, sparsity: Sparsity) -> Keys:
    """Factor neighbours, weighed by how much token 0 attends to them."""
    factor = sparsity.sparsity_factor
    scores = (first_query @ keys.key.transpose(-1, -2))[:, :, 0] * keys.key.shape[-1] ** -0.5
    scores = scores.masked_fill(~keys.seen_by_any(), torch.finfo(scores.dtype).min)
    weights = scores.unflatten(2, (-1, factor)).softmax(dim=-1)[..., None, :]
    key, value = ((weights @ x.unflatten(2, (-1, factor)))[..., 0, :] for x in (keys.key, keys.value))
    return Keys(key, value, _of_neighbours(keys, factor), _middles(keys, factor))


def _by_lsh(keys: Keys, first_query: Tensor, sparsity: Sparsity) -> Keys:
    """The means of keys that point the same way, in each chunk: locality-sensitive hashing with random
    directions."""
    if sparsity.sparsity_factor == sparsity.sparse_block_size:
        return _by_bos_pooling(keys, first_query, sparsity)
    chunk = min(sparsity.block_size, sparsity.sparse_block_size)
    count = keys.seen_by_any().unflatten(2, (-1, chunk))[..., None].to(keys.key.dtype)
    key, value = (x.unflatten(2, (-1, chunk)) * count for x in (keys.key, keys.value))
    count = count.expand(*key.shape[:4], 1)
    for buckets in [chunk] * sparsity.lsh_num_pre_rounds + [chunk // sparsity.sparsity_factor]:
        index = _bucket(key, count, buckets)
        key, value, count = (_sum_by_bucket(x, index, buckets) for x in (key, value, count))
    key, value = (_divide(x, count, 1e-8).flatten(2, 3) for x in (key, value))
    of_chunk, position = (
        x.repeat_interleave(chunk // sparsity.sparsity_factor, dim=-1)
        for x in (_of_neighbours(keys, chunk), _middles(keys, chunk))
    )
    return Keys(key, value, of_chunk & (count.flatten(2) > 0)[:, :, None], position)


def _of_neighbours(keys: Keys, size: int) -> Tensor:
    """Which queries see a key made of size neighbours: (b, 1 or h, 1 or q, t / size)."""
    seen_by_any = keys.seen_by_any()[:, :, None]
    whole = (keys.visible | ~seen_by_any).unflatten(3, (-1, size)).all(dim=-1)
    return whole & seen_by_any.unflatten(3, (-1, size)).any(dim=-1)


def _middles(keys: Keys, size: int) -> Tensor:
    return keys.position[..., (size - 1) // 2 :: size]


def _divide(sums: Tensor, count: Tensor, epsilon: float) -> Tensor:
    """sums / count, 0 where count is; in fp32, as epsilon is nothing in fp16."""
    return (sums / (count.float() + epsilon)).to(sums.dtype)


@torch.no_grad()
def _bucket(key: Tensor, count: Tensor, buckets: int) -> Tensor:
    """key (b, h, chunks, chunk, d) → the bucket of each, (b, h, chunks, chunk, 1): the nearest of random
    directions and their opposites. One that stands for no visible key goes to bucket 0."""
    _, heads, _, _, head_dim = key.shape
    directions = torch.randn(1, heads, 1, head_dim, buckets // 2, device=key.device).to(key.dtype)
    scores = (F.normalize(key, dim=-1) * count.clamp(0, 1)) @ directions
    return torch.cat([scores, -scores], dim=-1).argmax(dim=-1, keepdim=True)


def _sum_by_bucket(x: Tensor, index: Tensor, buckets: int) -> Tensor:
    """x (b, h, chunks, chunk, d) → (b, h, chunks, buckets, d)."""
    sums = x.new_zeros(*x.shape[:3], buckets, x.shape[4])
    return sums.scatter_add(3, index.expand_as(x), x)


def _choose(keys: Keys, index: Tensor) -> Keys:
    """The keys at index, (h, m) or (b, h, m)."""
    batch, heads, tokens, head_dim = keys.key.shape
    index = index.expand(batch, heads, -1)
    rows = index[..., None].expand(-1, -1, -1, head_dim)
    queries = keys.visible.shape[2]
    visible = keys.visible.expand(-1, heads, -1, -1).gather(3, index[:, :, None].expand(-1, -1, queries, -1))
    return Keys(keys.key.gather(2, rows), keys.value.gather(2, rows), visible, index)


def check_sparsity(sparsity: Sparsity) -> None:
    """Raises ValueError for sizes that don't fit together: sparse keys would slip into the local window."""
    block, size, factor, kind, _ = sparsity
    if kind not in _WAYS:
        raise ValueError(f"sparsity_type is {kind!r}; known are none, {', '.join(_WAYS)}")
    chunk = min(block, size)
    fits = block % factor == 0 and block // factor % 2 == 0 and size > 0.75 * block / factor
    if factor > 1 and (kind == "norm" or kind == "lsh" and size != factor):
        fits = fits and block % chunk == 0 and chunk % factor == 0
    if not fits:
        raise ValueError(
            f"block_size {block}, sparse_block_size {size} and sparsity_factor {factor} don't fit together: "
            "block_size / sparsity_factor must be a whole, even number and sparse_block_size above 0.75 "
            "times it; for norm and lsh block_size must be a multiple of min(block_size, sparse_block_size), "
            "and that of sparsity_factor"
        )


_WAYS = {
    "norm": _by_norm,
    "pooling": _by_pooling,
    "stride": _by_stride,
    "block_stride": _by_block_stride,
    "bos_pooling": _by_bos_pooling,
    "lsh": _by_lsh,
}
