"""Encoder-decoders in training."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cases import BLOCK, OPTIONS, SEQ2SEQ_TYPES, gradients, inputs, load, relative, seq2seq_inputs
from transformers import AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

LONG = 3 * BLOCK + 5
NO_DROPOUT = {name: 0.0 for name in ("dropout", "attention_dropout", "activation_dropout")}

every_type = pytest.mark.parametrize("model_type", SEQ2SEQ_TYPES)


def load_seq2seq(model_type: str, **options: Any) -> Any:
    return load(model_type, AutoModelForSeq2SeqLM, **options)


@every_type
def test_gradient_checkpointing_gives_the_same_gradients(
    model_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_seq2seq(model_type, **OPTIONS["norm"], **NO_DROPOUT).train()
    batch = seq2seq_inputs(model_type, LONG)
    plain = {name: x.clone() for name, x in gradients(model, model(**batch).logits).items()}
    model.gradient_checkpointing_enable()
    encoder, runs = model.get_encoder(), []
    run_layer = encoder._run_layer
    monkeypatch.setattr(encoder, "_run_layer", lambda *args: runs.append(1) or run_layer(*args))
    checkpointed = gradients(model, model(**batch, use_cache=False).logits)
    assert len(runs) == 2 * model.config.encoder_layers
    assert checkpointed.keys() == plain.keys()
    assert (
        max(relative(x, plain[name]) for name, x in checkpointed.items() if "k_proj.bias" not in name) < 1e-5
    )


@every_type
@pytest.mark.parametrize("name", NO_DROPOUT)
def test_dropout_is_applied_in_training_alone(model_type: str, name: str) -> None:
    encoder = load_seq2seq(model_type, **OPTIONS["norm"], **NO_DROPOUT | {name: 0.3}).get_encoder()
    batch = inputs(model_type, LONG)
    with torch.no_grad():
        assert torch.equal(encoder(**batch)[0], encoder(**batch)[0])
        encoder.train()
        assert not torch.equal(encoder(**batch)[0], encoder(**batch)[0])


@every_type
def test_a_class_of_sequences_is_learned(model_type: str) -> None:
    """The label depends on one token far behind the first block, and gradients reach all of the encoder."""
    torch.manual_seed(0)
    if model_type == "pegasus":
        model = load_seq2seq(model_type).train()
    else:
        model = load(model_type, AutoModelForSequenceClassification, num_labels=2).train()
    ids = inputs(model_type, 70, batch=1)["input_ids"].repeat(16, 1)
    end, words = model.config.eos_token_id, [model.config.vocab_size - 2, model.config.vocab_size - 3]
    ids[ids == end] = words[0] - 1
    ids[:, -1] = end
    labels = torch.arange(16) % 2
    ids[:, 50:60] = torch.tensor(words)[labels][:, None]
    targets = torch.tensor(words)[labels][:, None] if model_type == "pegasus" else labels
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = model(input_ids=ids, labels=targets).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(p.grad is not None for p in model.base_model.encoder.layers.parameters())
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5]), losses
