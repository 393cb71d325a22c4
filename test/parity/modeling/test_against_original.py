"""The faithful preset computes what the original model computes, up to two blocks: any padding, any first
token."""

from __future__ import annotations

import pytest
import torch
from cases import CAUSAL_TYPES, TYPES, fill_heads, inputs, load, original, relative
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

LENGTHS = [1, 2, 7, 100, 255, 256, 257, 511, 512]
TOLERANCE = 1e-5


@pytest.mark.parametrize("padding_side", ["right", "left"])
@pytest.mark.parametrize("model_type", TYPES)
def test_every_hidden_state(model_type: str, padding_side: str) -> None:
    dense = AutoModel.from_pretrained(original(model_type), torch_dtype=torch.float32).eval()
    model = load(model_type, AutoModel, "faithful")
    for length in LENGTHS:
        batch = inputs(model_type, length, padding_side)
        with torch.no_grad():
            expected = dense(**batch, output_hidden_states=True)
            actual = model(**batch, output_hidden_states=True)
        assert len(actual.hidden_states) == len(expected.hidden_states)
        # Of one type transformers 4 leaves out the norm behind the last layer, and 5 no more.
        expected_states = (*expected.hidden_states[:-1], expected.last_hidden_state)
        for state, expected_state in zip(actual.hidden_states, expected_states):
            assert relative(state, expected_state) <= TOLERANCE, length
        assert torch.equal(actual.hidden_states[-1], actual.last_hidden_state)


@pytest.mark.parametrize("model_type", TYPES)
def test_a_mask_with_a_row_for_every_query(model_type: str) -> None:
    if model_type in ("distilbert", "albert"):
        pytest.skip("the original takes no such mask")
    dense = AutoModel.from_pretrained(original(model_type), torch_dtype=torch.float32).eval()
    model = load(model_type, AutoModel, "faithful")
    batch = inputs(model_type, 40)
    rows = batch["attention_mask"][:, None].expand(-1, 40, -1).clone()
    rows[:, 5:, 2:4] = 0
    rows[0].tril_()
    try:
        expected = dense(**{**batch, "attention_mask": rows}).last_hidden_state
    except (ValueError, RuntimeError):
        pytest.skip("this transformers takes no such mask")
    assert relative(model(**{**batch, "attention_mask": rows}).last_hidden_state, expected) <= TOLERANCE


@pytest.mark.parametrize("model_type", CAUSAL_TYPES)
def test_causal_logits(model_type: str) -> None:
    dense = AutoModelForCausalLM.from_pretrained(
        original(model_type), torch_dtype=torch.float32, is_decoder=True
    )
    model = load(model_type, AutoModelForCausalLM, "faithful", is_decoder=True)
    fill_heads(dense.eval())
    fill_heads(model)
    for length in (1, 8, 300, 512):
        batch = inputs(model_type, length)
        with torch.no_grad():
            # With a cache, transformers 4.40 leaves BERT-generation's mask out.
            expected, actual = dense(**batch, use_cache=False).logits, model(**batch).logits
        seen = batch["attention_mask"].bool()
        assert relative(actual[seen], expected[seen]) <= TOLERANCE, length


@pytest.mark.parametrize("auto_class", [AutoModel, AutoModelForMaskedLM])
def test_ernie_with_task_types(auto_class: type) -> None:
    dense = auto_class.from_pretrained(original("ernie"), torch_dtype=torch.float32).eval()
    model = load("ernie", auto_class, "faithful")
    batch = inputs("ernie", 100)
    task_type_ids = torch.arange(100).expand(3, -1) % dense.config.task_type_vocab_size
    with torch.no_grad():
        expected = dense(**batch, task_type_ids=task_type_ids)[0]
        actual, untyped = model(**batch, task_type_ids=task_type_ids)[0], model(**batch)[0]
    assert relative(actual, expected) <= TOLERANCE
    assert relative(untyped, expected) > 0.1
