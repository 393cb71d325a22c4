"""The faithful preset: encoder-decoders compute and write what the original model does, up to two blocks; any
padding, any first token."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cases import (
    SEQ2SEQ_FAMILIES,
    SEQ2SEQ_TYPES,
    class_name,
    config_of,
    fill_heads,
    generation_options,
    inputs,
    load,
    load_class,
    original,
    relative,
    seq2seq_head_inputs,
    seq2seq_inputs,
    tensors,
)
from torch import Tensor, nn
from transformers import AutoModelForSeq2SeqLM
from transformers.models import bart, mbart, pegasus

TOLERANCE = 1e-5
MODULES = {"bart": bart, "mbart": mbart, "pegasus": pegasus}


def lengths(model_type: str) -> list[int]:
    longest = config_of(model_type)["max_position_embeddings"]
    block = longest // 2
    return [1, 2, 7, 100, block - 1, block, block + 1, longest - 1, longest]


def dense(model_type: str, **options: Any) -> nn.Module:
    return AutoModelForSeq2SeqLM.from_pretrained(
        original(model_type), torch_dtype=torch.float32, **options
    ).eval()


def without(batch: dict[str, Tensor], *names: str) -> dict[str, Tensor]:
    return {name: x for name, x in batch.items() if name not in names}


@pytest.mark.parametrize("padding_side", ["right", "left"])
@pytest.mark.parametrize("model_type", SEQ2SEQ_TYPES)
def test_encoder_states_and_logits(model_type: str, padding_side: str) -> None:
    theirs, model = dense(model_type), load(model_type, AutoModelForSeq2SeqLM, "faithful")
    worst = 0.0
    for length in lengths(model_type):
        batch = seq2seq_inputs(model_type, length, padding_side)
        with torch.no_grad():
            expected = theirs(**batch, output_hidden_states=True)
            actual = model(**batch, output_hidden_states=True)
        assert len(actual.encoder_hidden_states) == len(expected.encoder_hidden_states)
        assert len(actual.decoder_hidden_states) == len(expected.decoder_hidden_states)
        pairs = [(actual.logits, expected.logits)]
        pairs += zip(actual.encoder_hidden_states, expected.encoder_hidden_states)
        pairs += zip(actual.decoder_hidden_states, expected.decoder_hidden_states)
        worst = max(worst, *(relative(*pair) for pair in pairs))
        assert worst <= TOLERANCE, length
        assert torch.equal(actual.encoder_hidden_states[-1], actual.encoder_last_hidden_state)
    print(f"{model_type} {padding_side}: {worst:.1e}")


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("padding_side", ["right", "left"])
@pytest.mark.parametrize("model_type", SEQ2SEQ_TYPES)
def test_generated_ids(model_type: str, padding_side: str, beams: int) -> None:
    theirs, model = dense(model_type), load(model_type, AutoModelForSeq2SeqLM, "faithful")
    for length in lengths(model_type)[2:]:
        batch = inputs(model_type, length, padding_side)
        expected, actual = (x.generate(**batch, **generation_options(beams)) for x in (theirs, model))
        assert torch.equal(actual, expected), length


@pytest.mark.parametrize("model_type", SEQ2SEQ_TYPES)
def test_sampled_ids(model_type: str) -> None:
    made = []
    for model in (dense(model_type), load(model_type, AutoModelForSeq2SeqLM, "faithful")):
        torch.manual_seed(0)
        options = {"do_sample": True, "num_beams": 1, "max_new_tokens": 12, "top_k": 20}
        made.append(model.generate(**inputs(model_type, 100, "left"), **options))
    assert torch.equal(*made)


@pytest.mark.parametrize("model_type,head", [(t, h) for t in SEQ2SEQ_TYPES for h in SEQ2SEQ_FAMILIES[t][1]])
def test_heads(model_type: str, head: str) -> None:
    options = {"num_labels": 2} if head == "ForQuestionAnswering" else {}
    their_class = getattr(MODULES[model_type], class_name(model_type, head).removeprefix("LSG"))
    theirs = their_class.from_pretrained(original(model_type), torch_dtype=torch.float32, **options).eval()
    model = load_class(model_type, head, "faithful", **options)
    batch = seq2seq_head_inputs(model_type, head, 100)
    outputs = []
    for each in (theirs, model):
        fill_heads(each)
        with torch.no_grad():
            outputs.append(tensors(each(**batch)))
    assert outputs[0].keys() == outputs[1].keys()
    for name, x in outputs[1].items():
        assert relative(x, outputs[0][name]) <= TOLERANCE, name


@pytest.mark.parametrize("model_type", SEQ2SEQ_TYPES)
def test_tokens_of_the_decoder_made_of_labels_or_inputs(model_type: str) -> None:
    theirs, model = dense(model_type), load(model_type, AutoModelForSeq2SeqLM, "faithful")
    batch = inputs(model_type, 60)
    labels = inputs(model_type, 20)["input_ids"]
    labels[labels == model.config.pad_token_id] = -100
    expected, actual = (x(**batch, labels=labels) for x in (theirs, model))
    assert relative(actual.loss, expected.loss) <= TOLERANCE
    if model_type != "pegasus":
        assert relative(model(**batch).logits, theirs(**batch).logits) <= TOLERANCE


@pytest.mark.parametrize("model_type", SEQ2SEQ_TYPES)
def test_layers_dropped_in_training(model_type: str) -> None:
    options = {name: 0.0 for name in ("dropout", "attention_dropout", "activation_dropout")}
    options |= {"encoder_layerdrop": 0.5, "encoder_layers": 12}
    batch, outputs = seq2seq_inputs(model_type, 40), []
    theirs = dense(model_type, **options)
    model = load(model_type, AutoModelForSeq2SeqLM, "faithful", **options)
    for layer, their_layer in zip(model.base_model.encoder.layers, theirs.base_model.encoder.layers):
        layer.load_state_dict(their_layer.state_dict())
    for each in (theirs, model):
        torch.manual_seed(3)
        outputs.append(each.train()(**batch).logits)
    assert relative(outputs[1], outputs[0]) <= TOLERANCE
    assert relative(model.eval()(**batch).logits, outputs[1]) > 1e-3


@pytest.mark.parametrize("model_type", SEQ2SEQ_TYPES)
def test_embeddings_given_to_the_encoder(model_type: str) -> None:
    theirs, model = dense(model_type), load(model_type, AutoModelForSeq2SeqLM, "faithful")
    batch = without(seq2seq_inputs(model_type, 60), "input_ids")
    embedded = torch.randn(3, 60, model.config.d_model, generator=torch.Generator().manual_seed(0))
    expected, actual = (x(inputs_embeds=embedded, **batch).logits for x in (theirs, model))
    assert relative(actual, expected) <= TOLERANCE
    batch = without(batch, "decoder_input_ids")
    made = [x.generate(inputs_embeds=embedded, **batch, **generation_options()) for x in (theirs, model)]
    assert torch.equal(*made)
