"""The layers by themselves: against goldens of the reference, and against attention with an explicit mask."""

from __future__ import annotations

import json
import math
import sys
from itertools import count
from typing import Any

import pytest
import torch
from cases import REPOSITORY
from safetensors.torch import load_file
from torch import Tensor

sys.path.insert(0, str(REPOSITORY / "converters"))
from modeling.lsg_attention import BlockLocalSelfAttention, LSGSelfAttention  # noqa: E402
from modeling.lsg_cpu import attend_by_views, block_views  # noqa: E402
from modeling.lsg_layout import Layout, Pool  # noqa: E402

GOLDENS = REPOSITORY / "fixtures" / "attention"
DOCUMENT = json.loads((GOLDENS / "cases.json").read_text())
HIDDEN = -1e30


@pytest.fixture(params=["block by block", "side by side"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to compute blocks: the CPU's, and that of a GPU and torch.compile."""
    if request.param == "side by side":
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)


def qkv(length: int, batch: int = 3, heads: int = 2, head_dim: int = 4) -> list[Tensor]:
    generator = torch.Generator().manual_seed(length)
    return [
        torch.randn(batch, heads, length, head_dim, generator=generator, dtype=torch.float64)
        for _ in range(3)
    ]


def padding_mask(length: int, side: str) -> Tensor:
    """(3, 1, 1, length): whole, 70 %, a third."""
    mask = torch.zeros(3, 1, 1, length, dtype=torch.float64)
    for row, kept in enumerate([length, -(-7 * length // 10), -(-length // 3)]):
        mask[row, ..., slice(kept, None) if side == "right" else slice(0, length - kept)] = HIDDEN
    return mask


def dense(query: Tensor, key: Tensor, value: Tensor, visible: Tensor, mask: Tensor) -> Tensor:
    """Full attention, where visible (length, length) says which keys a query may see."""
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    scores = scores + torch.minimum(mask, torch.where(visible, 0.0, HIDDEN))
    return scores.softmax(-1) @ value


def local_and_global(length: int, block: int, first_is_global: bool, causal: bool) -> Tensor:
    """Which keys a query sees above two blocks; below, any."""
    blocks = torch.arange(length) // block
    distance = blocks[None] - blocks[:, None]
    visible = distance.abs() <= 1 if length > 2 * block else torch.ones(length, length, dtype=torch.bool)
    if first_is_global:
        visible[:, 0] = True
        visible[0] = True
    return visible.tril() if causal else visible


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("mask_rows", [False, True])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("first_is_global", [False, True])
@pytest.mark.parametrize("length", [1, 15, 16, 17, 32, 33, 58, 64])
def test_blocks_are_attention_with_a_mask(
    length: int, first_is_global: bool, causal: bool, side: str, mask_rows: bool
) -> None:
    query, key, value = (x.requires_grad_() for x in qkv(length))
    mask = padding_mask(length, side)
    if mask_rows:
        rows = torch.rand(3, 1, length, length, generator=torch.Generator().manual_seed(1)) < 0.2
        mask = mask.expand(-1, -1, length, -1).masked_fill(rows, HIDDEN)
    layer = BlockLocalSelfAttention(16, first_is_global, causal).eval()
    actual = layer(query, key, value, mask)
    visible = local_and_global(length, 16, first_is_global, causal)
    expected = dense(query, key, value, visible, mask)
    # A query that may see nothing has no defined context.
    defined = (torch.minimum(mask, torch.where(visible, 0.0, HIDDEN)) == 0).any(-1)[:, 0]
    assert torch.isfinite(actual).all()
    chosen = [x.transpose(1, 2)[defined] for x in (actual, expected)]
    assert torch.allclose(*chosen, atol=1e-12)
    gradients = [torch.autograd.grad(x.sin().sum(), (query, key, value), retain_graph=True) for x in chosen]
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(*gradients))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", DOCUMENT["cases"])
def test_goldens_of_the_reference(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, DOCUMENT, "goldens.safetensors", monkeypatch)


SCALED = json.loads((GOLDENS / "scaled.json").read_text())


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", SCALED["cases"])
def test_goldens_of_scaled_globals(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_golden(name, SCALED, "scaled.safetensors", monkeypatch)


def check_golden(name: str, document: dict[str, Any], file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options, tensors = {"num_global_tokens": 1} | document["cases"][name], load_file(GOLDENS / file)
    prepended = options["num_global_tokens"] - options.pop("first_token_is_global", False)
    mask_first_token = options.pop("mask_first_token", False)
    layer = LSGSelfAttention(**options, num_prepended_tokens=prepended)
    for length in document["lengths"]:
        rounds = count()
        monkeypatch.setattr(torch, "randn", lambda *shape, device=None: projections(next(rounds), shape))
        query, key, value = (
            tensors[x][:, : prepended + length].unflatten(-1, (document["heads"], -1)).transpose(1, 2)
            for x in ("query", "key", "value")
        )
        seen = tensors[f"mask.{length}"].clone()
        seen[:, 0] *= not mask_first_token
        mask = torch.zeros(3, 1, 1, length).masked_fill(
            seen[:, None, None] == 0, torch.finfo(torch.float32).min
        )
        actual = layer(query, key, value, mask).transpose(1, 2).flatten(2)
        # A query that may see nothing has no defined context.
        defined = torch.cat([torch.ones(3, prepended), tensors[f"mask.{length}"]], dim=1).bool()
        expected = tensors[f"{name}.{length}"]
        assert torch.allclose(actual[defined], expected[defined], atol=2e-6), length


def projections(round_index: int, shape: tuple[int, ...]) -> Tensor:
    """The random directions with which the goldens were made."""
    low = 0xFFFFFFFF
    state = (DOCUMENT["seed"] + (round_index + 1) * 0x9E3779B9) & low

    def uniform() -> float:
        nonlocal state
        state = (state + 0x6D2B79F5) & low
        t = ((state ^ (state >> 15)) * (1 | state)) & low
        t ^= (t + (((t ^ (t >> 7)) * (61 | t)) & low)) & low
        return ((t ^ (t >> 14)) + 0.5) / 2**32

    draws = [
        math.sqrt(-2 * math.log(uniform())) * math.cos(2 * math.pi * uniform())
        for _ in range(math.prod(shape))
    ]
    return torch.tensor(draws).reshape(shape)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("mask_rows", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("length", [1, 32, 33, 64])
def test_scores_of_a_global_token_grow_with_what_it_sees(length: int, biased: bool, mask_rows: bool) -> None:
    """But not their bias; with a row of the mask for every query, by what its own row shows."""
    tensors = [x.requires_grad_() for x in qkv(length)]
    mask = padding_mask(length, "left")
    if mask_rows:
        rows = torch.rand(3, 1, length, length, generator=torch.Generator().manual_seed(1)) < 0.2
        mask = mask.expand(-1, -1, length, -1).masked_fill(rows, HIDDEN)
    bias = torch.randn(2, 7, dtype=torch.float64) if biased else None
    options: dict[str, Any] = dict(block_size=16, num_global_tokens=1)
    actual = LSGSelfAttention(**options, global_scaling_length=40)(*tensors, mask, bias)
    seen = (mask[:, :, :1] == 0).sum(-1, keepdim=True)
    factor = torch.where(seen > 40, seen.log() / math.log(40), 1.0)
    query, key, value = tensors
    by_distance = 0.0 if bias is None else bias[:, (torch.arange(length) + 3).clamp(max=6)][None, :, None]
    scores = (query[:, :, :1] @ key.transpose(-1, -2)) * factor / math.sqrt(4) + by_distance
    first = (scores + mask[:, :, :1]).softmax(-1) @ value
    others = LSGSelfAttention(**options)(*tensors, mask, bias)[:, :, 1:]
    expected = torch.cat([first, others], dim=2)
    defined = (mask == 0).any(-1)[:, 0].expand(-1, length)
    chosen = [x.transpose(1, 2)[defined] for x in (actual, expected)]
    assert torch.allclose(*chosen, atol=1e-12)
    gradients = [torch.autograd.grad(x.sin().sum(), tensors, retain_graph=True) for x in chosen]
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(*gradients))


SPARSE = [
    ("norm", 8, 2),
    ("pooling", 16, 4),
    ("stride", 16, 4),
    ("block_stride", 16, 4),
    ("bos_pooling", 16, 4),
]


@pytest.mark.parametrize("kind,size,factor", SPARSE)
def test_own_first_token_as_global_is_a_prepended_copy_of_it(kind: str, size: int, factor: int) -> None:
    tensors = qkv(100)
    mask = padding_mask(100, "right")
    own = LSGSelfAttention(16, size, factor, kind, num_global_tokens=1)(*tensors, mask)
    copied = [torch.cat([x[:, :, :1], x], dim=2) for x in tensors]
    masked = mask.clone()
    masked[..., 0] = HIDDEN
    prepended = LSGSelfAttention(16, size, factor, kind, num_global_tokens=1, num_prepended_tokens=1)
    expected = prepended(*copied, masked)
    assert torch.allclose(own[:, :, :1], expected[:, :, :1], atol=1e-12)
    assert torch.allclose(own[:, :, 1:], expected[:, :, 2:], atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length", [16, 40, 58, 64])
def test_the_references_own_layer_of_local_attention(length: int, causal: bool) -> None:
    layers: Any = pytest.importorskip("lsg_converter.attention_layers.lsg_self_attention")
    theirs = layers.BlockLocalSelfAttention(
        block_size=16, is_causal=causal, attention_dropout_prob=0.0
    ).eval()
    tensors, mask = qkv(length), padding_mask(length, "right")
    expected = theirs(*tensors, mask.clone())
    assert torch.allclose(
        BlockLocalSelfAttention(16, is_causal=causal).eval()(*tensors, mask), expected, atol=1e-12
    )


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_by_views_has_the_gradient_of_what_it_computes(causal: bool, dropout: float) -> None:
    layout = Layout(2, 1, 2, causal, sparse_size=2, sparse_step=1)
    tokens = [x.requires_grad_() for x in qkv(9, batch=2)]
    sparse = [x.requires_grad_() for x in qkv(4, batch=2)[:2]]
    views = block_views(layout, 9, 4)

    def seeded(query: Tensor, key: Tensor, value: Tensor, *sparse: Tensor) -> Tensor:
        torch.manual_seed(0)
        pools = [
            Pool(key, value, padding_mask(9, "right")[:2].clamp(min=-1e3), torch.arange(9)[None, None]),
            Pool(*sparse, padding_mask(4, "right")[:2, ..., :4].clamp(min=-1e3), torch.arange(4)[None, None]),
        ]
        return attend_by_views(query, pools, views, dropout)

    assert torch.autograd.gradcheck(seeded, (*tokens, *sparse))


def test_dropout_keeps_the_mean() -> None:
    tensors = [x.float() for x in qkv(64, batch=1)]
    layer = BlockLocalSelfAttention(16, attention_dropout_prob=0.2)
    torch.manual_seed(0)
    mean = torch.stack([layer(*tensors) for _ in range(600)]).mean(0)
    assert not torch.equal(layer(*tensors), layer(*tensors))
    assert torch.allclose(mean, layer.eval()(*tensors), atol=0.15)
