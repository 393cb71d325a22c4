"""Masks on their way to the decoder, and generate() in all its ways."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cases import (
    BLOCK,
    OPTIONS,
    SEQ2SEQ_TYPES,
    generation_options,
    inputs,
    load,
    relative,
    seq2seq_inputs,
)
from torch import Tensor
from transformers import AutoModelForSeq2SeqLM
from transformers.modeling_outputs import BaseModelOutput

LONG = 3 * BLOCK + 5
FIRST_MASKED = OPTIONS["first_masked"]
WAYS = {
    "passed": {},
    "not passed": {"pass_global_tokens_to_decoder": False},
    "first masked": FIRST_MASKED,
    "first masked, not passed": FIRST_MASKED | {"pass_global_tokens_to_decoder": False},
}

every_type = pytest.mark.parametrize("model_type", SEQ2SEQ_TYPES)
every_way = pytest.mark.parametrize("way", WAYS)


def load_seq2seq(model_type: str, preset: str = "reference", **options: Any) -> Any:
    return load(model_type, AutoModelForSeq2SeqLM, preset, **options)


def seen_by_decoder(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """(b, states): which of the encoder's states the decoder sees, by what changes when one is changed."""
    with torch.no_grad():
        states = model.get_encoder()(batch["input_ids"], batch.get("attention_mask")).last_hidden_state
        expected = model(**batch, encoder_outputs=BaseModelOutput(states)).logits
        seen = []
        for column in range(states.shape[1]):
            changed = states.clone()
            changed[:, column] += 3
            logits = model(**batch, encoder_outputs=BaseModelOutput(changed)).logits
            seen.append(((logits - expected).abs() > 1e-6).flatten(1).any(1))
    return torch.stack(seen, dim=1)


@every_type
@every_way
@pytest.mark.parametrize("side", ["right", "left"])
def test_what_the_decoder_sees(model_type: str, way: str, side: str) -> None:
    model, batch = load_seq2seq(model_type, **WAYS[way]), seq2seq_inputs(model_type, 20, side)
    kept = batch["attention_mask"].clone()
    expected = kept.bool()
    if way == "first masked":
        expected[:, 0] = False
    if "not passed" not in way:
        prepended = model.config.num_global_tokens
        expected = torch.cat([expected.new_ones(3, prepended), expected], dim=1)
    assert torch.equal(seen_by_decoder(model, batch), expected)
    assert torch.equal(batch["attention_mask"], kept)


@every_type
@every_way
def test_no_mask_is_a_mask_of_ones(model_type: str, way: str) -> None:
    model, batch = load_seq2seq(model_type, **WAYS[way]), seq2seq_inputs(model_type, LONG)
    del batch["attention_mask"]
    expected = model(**batch, attention_mask=torch.ones(3, LONG)).logits
    assert relative(model(**batch).logits, expected) <= 1e-6
    for dtype in (torch.bool, torch.long):
        mask = torch.ones(3, LONG, dtype=dtype)
        assert relative(model(**batch, attention_mask=mask).logits, expected) <= 1e-6
        assert mask.all()


@every_type
@every_way
def test_encoder_outputs_given(model_type: str, way: str) -> None:
    """They are what the model would have made of its inputs: to a call, and to generate()."""
    model, batch = load_seq2seq(model_type, **WAYS[way]), seq2seq_inputs(model_type, LONG, "left")
    tokens, mask, ids = (batch[name] for name in ("decoder_input_ids", "attention_mask", "input_ids"))
    kept = mask.clone()
    output = model(**batch)
    states = model.get_encoder()(ids, mask)
    for given in (states, tuple(states.to_tuple())):
        again = model(encoder_outputs=given, attention_mask=mask, decoder_input_ids=tokens)
        assert relative(again.logits, output.logits) <= 1e-6
    expected = model.generate(ids, attention_mask=mask, **generation_options(3))
    states = model.get_encoder()(ids, mask)
    made = model.generate(encoder_outputs=states, attention_mask=mask, **generation_options(3))
    assert torch.equal(made, expected)
    assert torch.equal(mask, kept)


@every_type
@every_way
def test_encoder_outputs_given_without_a_mask(model_type: str, way: str) -> None:
    """generate() makes one itself, as long as they are."""
    model, ids = load_seq2seq(model_type, **WAYS[way]), inputs(model_type, LONG, batch=1)["input_ids"]
    expected = model.generate(ids, attention_mask=torch.ones_like(ids), **generation_options())
    states = model.get_encoder()(ids)
    assert torch.equal(model.generate(encoder_outputs=states, **generation_options()), expected)


@every_type
@every_way
@pytest.mark.parametrize("side", ["right", "left"])
def test_generation_follows_the_logits(model_type: str, way: str, side: str) -> None:
    model = load_seq2seq(model_type, **WAYS[way])
    batch = inputs(model_type, LONG, side)
    options = generation_options(count=6) | {"no_repeat_ngram_size": 0}
    made = model.generate(**batch, **options)
    ids = made[:, :1]
    for _ in range(5):
        with torch.no_grad():
            logits = model(**batch, decoder_input_ids=ids).logits[:, -1]
        # So few tokens are too few to end with.
        logits[:, model.config.eos_token_id] = -torch.inf
        if ids.shape[1] == 1 and model.generation_config.forced_bos_token_id is not None:
            logits[:, model.generation_config.forced_bos_token_id] = torch.inf
        ids = torch.cat([ids, logits.argmax(-1, keepdim=True)], dim=1)
    assert torch.equal(made[:, :6], ids)


@every_type
@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("preset", ["reference", "faithful"])
def test_generation_with_a_cache_is_generation_without(model_type: str, preset: str, beams: int) -> None:
    model, batch = load_seq2seq(model_type, preset), inputs(model_type, LONG, "left")
    options = generation_options(beams)
    cached, without = (model.generate(**batch, **options, use_cache=use) for use in (True, False))
    assert torch.equal(cached, without)
    for seed in range(3):
        sampled = []
        for use in (True, False):
            torch.manual_seed(seed)
            sampled.append(model.generate(**batch, do_sample=True, max_new_tokens=12, use_cache=use))
        assert torch.equal(*sampled)


@every_type
@every_way
def test_embeddings_in_place_of_ids(model_type: str, way: str) -> None:
    model, batch = load_seq2seq(model_type, **WAYS[way]), seq2seq_inputs(model_type, LONG)
    encoder, ids = model.get_encoder(), batch.pop("input_ids")
    scale = model.config.d_model**0.5 if model.config.scale_embedding else 1.0
    embedded = model.base_model.shared.weight[ids] * scale
    expected = encoder(ids, batch["attention_mask"]).last_hidden_state
    mask = batch["attention_mask"]
    given = encoder(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
    assert relative(given, expected) <= 1e-6
    made = model.generate(inputs_embeds=embedded, attention_mask=mask, **generation_options())
    assert torch.equal(made, model.generate(ids, attention_mask=mask, **generation_options()))


@every_type
@every_way
def test_states_that_generation_returns(model_type: str, way: str) -> None:
    model, batch = load_seq2seq(model_type, **WAYS[way]), inputs(model_type, LONG)
    options = generation_options() | {"return_dict_in_generate": True, "output_hidden_states": True}
    made = model.generate(**batch, **options)
    encoder = model.get_encoder()(**batch, output_hidden_states=True)
    assert len(made.encoder_hidden_states) == model.config.encoder_layers + 1
    assert all(torch.equal(*pair) for pair in zip(made.encoder_hidden_states, encoder.hidden_states))
    assert len(made.decoder_hidden_states) == 16
    assert len(made.decoder_hidden_states[0]) == model.config.decoder_layers + 1
    passed = 0 if "not passed" in way else model.config.num_global_tokens
    assert all(state.shape[1] == passed + LONG for state in encoder.hidden_states)
    with pytest.raises(ValueError, match="does not support output_attentions"):
        model.generate(**batch, **options | {"output_attentions": True})
