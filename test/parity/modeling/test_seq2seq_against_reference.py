"""Encoder-decoders compute what lsg-converter's compute, whose outputs reference_seq2seq.py wrote down."""

from __future__ import annotations

import pytest
import torch
from cases import (
    LENGTHS,
    OPTIONS,
    SEQ2SEQ_FAMILIES,
    SEQ2SEQ_GENERATIONS,
    SEQ2SEQ_OPTIONS,
    SEQ2SEQ_TYPES,
    WORK,
    fill_heads,
    generation_options,
    gradients,
    head_options,
    inputs,
    load,
    load_class,
    relative,
    seq2seq_head_inputs,
    seq2seq_inputs,
    tensors,
)
from safetensors.torch import load_file
from test_against_reference import KEY_BIAS, NEAR_TIE, TOLERANCE, narrowest_choice
from transformers import AutoModelForSeq2SeqLM

GRADIENT_TOLERANCE = 2e-5
"""Through decoder and encoder: float32 differs from float64 by 8e-6 in either implementation."""


@pytest.mark.parametrize("option", SEQ2SEQ_OPTIONS)
@pytest.mark.parametrize("model_type", SEQ2SEQ_TYPES)
def test_logits_encoder_states_and_gradients_at_hostile_lengths(model_type: str, option: str) -> None:
    goldens = load_file(WORK / "goldens" / f"{model_type}.model.safetensors")
    model = load(model_type, AutoModelForSeq2SeqLM, **SEQ2SEQ_OPTIONS[option])
    worst = {}
    for length in LENGTHS:
        prefix, batch = f"{option}.{length}.", seq2seq_inputs(model_type, length)
        expected = {name.removeprefix(prefix): x for name, x in goldens.items() if name.startswith(prefix)}
        torch.manual_seed(length)
        output = model(**batch, output_hidden_states=True)
        actual = {"logits": output.logits, "encoder": output.encoder_last_hidden_state}
        if model.config.pass_global_tokens_to_decoder:
            actual |= {f"state.{layer}": x for layer, x in enumerate(output.encoder_hidden_states)}
        errors = {name: relative(x, expected.pop(name)) for name, x in actual.items()}
        if (
            max(errors.values()) > TOLERANCE
            and OPTIONS.get(option, OPTIONS["norm"])["sparsity_type"] == "norm"
        ):
            assert narrowest_choice(model, batch) < NEAR_TIE, (length, errors)
            continue
        if expected:
            of_parameters = {f"gradient.{name}": x for name, x in gradients(model, output.logits).items()}
            assert of_parameters.keys() == expected.keys()
            for name, gradient in of_parameters.items():
                # The bias of keys changes no softmax: its gradient is 0 but for rounding.
                scale = expected[name.replace(".bias", ".weight")] if KEY_BIAS.search(name) else None
                errors[name] = relative(gradient, expected[name], scale)
        worst |= {(name, length): error for name, error in errors.items()}
    print(f"{model_type} {option}: {max(worst.values()):.1e}")
    allowed = {case: GRADIENT_TOLERANCE if "gradient" in case[0] else TOLERANCE for case in worst}
    assert {case: error for case, error in worst.items() if error > allowed[case]} == {}


@pytest.mark.parametrize("model_type,head", [(t, h) for t in SEQ2SEQ_TYPES for h in SEQ2SEQ_FAMILIES[t][1]])
def test_heads(model_type: str, head: str) -> None:
    goldens = load_file(WORK / "goldens" / f"{model_type}.heads.safetensors")
    model = load_class(model_type, head, **head_options(head))
    fill_heads(model)
    with torch.no_grad():
        length = 3 * OPTIONS["norm"]["block_size"] + 5
        actual = tensors(model(**seq2seq_head_inputs(model_type, head, length)))
    expected = {name.split(".", 1)[1]: x for name, x in goldens.items() if name.startswith(f"{head}.")}
    assert actual.keys() == expected.keys()
    for name, x in actual.items():
        assert relative(x, expected[name]) <= TOLERANCE, name


@pytest.mark.parametrize("model_type", SEQ2SEQ_TYPES)
def test_generated_ids(model_type: str) -> None:
    goldens = load_file(WORK / "goldens" / f"{model_type}.generated.safetensors")
    options = {option for option, *_ in SEQ2SEQ_GENERATIONS}
    models = {x: load(model_type, AutoModelForSeq2SeqLM, **SEQ2SEQ_OPTIONS[x]) for x in options}
    for option, length, side, beams in SEQ2SEQ_GENERATIONS:
        made = models[option].generate(**inputs(model_type, length, side), **generation_options(beams))
        case = f"{option}.{length}.{side}.{beams}"
        assert torch.equal(made, goldens[case]), case
    assert len({tuple(row) for made in goldens.values() for row in made.tolist()}) > 3 * len(SEQ2SEQ_OPTIONS)
