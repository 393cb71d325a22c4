"""MPNet's biases by distance where no gradient is asked for, which is another way to compute them."""

from __future__ import annotations

import pytest
import torch
from cases import BLOCK, LENGTHS, OPTIONS, inputs, load, options_of, relative
from transformers import AutoModel


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("first_token_is_global", [False, True])
@pytest.mark.parametrize("option", options_of("mpnet"))
def test_with_and_without_gradients(option: str, first_token_is_global: bool, side: str) -> None:
    options = OPTIONS[option] | {"first_token_is_global": first_token_is_global}
    if first_token_is_global:
        options["mask_first_token"] = False
    model = load("mpnet", AutoModel, **options)
    for length in LENGTHS[:-2]:
        batch = inputs("mpnet", length, side)
        with torch.no_grad():
            actual = model(**batch).last_hidden_state
        seen = batch["attention_mask"].bool()
        assert relative(actual[seen], model(**batch).last_hidden_state.detach()[seen]) <= 2e-6, length


@pytest.mark.parametrize("block_size", [BLOCK, 64])
def test_the_bias_gets_its_gradient(block_size: int) -> None:
    """As by a small step of each bucket's bias that is in use."""
    model = load("mpnet", AutoModel, "faithful", block_size=block_size).double()
    batch = inputs("mpnet", 3 * BLOCK + 5)
    table = model.encoder.relative_attention_bias.weight
    weights = torch.randn(3, 3 * BLOCK + 5, model.config.hidden_size, dtype=torch.float64)

    def loss() -> torch.Tensor:
        return (model(**batch).last_hidden_state * weights).sum()

    loss().backward()
    assert torch.equal(table.grad[32:], torch.zeros_like(table[32:]))
    step = 1e-6
    for bucket, head in ((0, 0), (3, 1), (12, 2), (17, 3), (28, 0)):
        with torch.no_grad():
            table[bucket, head] += step
            above = loss()
            table[bucket, head] -= 2 * step
            slope = (above - loss()) / (2 * step)
            table[bucket, head] += step
        assert abs(slope - table.grad[bucket, head]) <= 1e-6 * table.grad.abs().max()
