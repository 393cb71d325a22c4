"""Our modelling code computes what lsg-converter's computes, whose outputs reference.py wrote down."""

from __future__ import annotations

import re

import pytest
import torch
from cases import (
    LENGTHS,
    OPTIONS,
    TYPES,
    WORK,
    fill_heads,
    gradients,
    head_inputs,
    head_options,
    heads,
    inputs,
    load,
    load_class,
    relative,
    tensors,
)
from safetensors.torch import load_file
from transformers import AutoModel

TOLERANCE = 1e-5
KEY_BIAS = re.compile(r"\.(key|k_lin)\.bias$")


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("model_type", TYPES)
def test_hidden_states_and_gradients_at_hostile_lengths(model_type: str, option: str) -> None:
    goldens = load_file(WORK / "goldens" / f"{model_type}.model.safetensors")
    model = load(model_type, AutoModel, **OPTIONS[option])
    worst = {}
    for length in LENGTHS:
        torch.manual_seed(length)
        output = model(**inputs(model_type, length)).last_hidden_state
        worst[length] = relative(output, goldens[f"{option}.{length}"])
        prefix = f"{option}.{length}.gradient."
        expected = {name.removeprefix(prefix): x for name, x in goldens.items() if name.startswith(prefix)}
        if expected:
            actual = gradients(model, output)
            assert actual.keys() == expected.keys()
            for name, gradient in actual.items():
                # The bias of keys changes no softmax: its gradient is 0 but for rounding.
                scale = expected[name.replace(".bias", ".weight")] if KEY_BIAS.search(name) else None
                worst[name, length] = relative(gradient, expected[name], scale)
    print(f"{model_type} {option}: {max(worst.values()):.1e}")
    assert {case: error for case, error in worst.items() if error > TOLERANCE} == {}


@pytest.mark.parametrize("model_type,head", [(t, h) for t in TYPES for h in heads(t)])
def test_heads(model_type: str, head: str) -> None:
    goldens = load_file(WORK / "goldens" / f"{model_type}.heads.safetensors")
    model = load_class(model_type, head, **head_options(head))
    fill_heads(model)
    length = 3 * OPTIONS["norm"]["block_size"] + 5
    with torch.no_grad():
        actual = tensors(model(**head_inputs(model_type, head, length)))
    expected = {name.split(".", 1)[1]: x for name, x in goldens.items() if name.startswith(f"{head}.")}
    assert actual.keys() == expected.keys()
    for name, x in actual.items():
        assert relative(x, expected[name]) <= TOLERANCE, name
