"""Our modelling code computes what lsg-converter's computes, whose outputs reference.py wrote down."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import (
    BLOCK,
    CAUSAL_LENGTHS,
    CAUSAL_OPTIONS,
    CAUSAL_TYPES,
    LENGTHS,
    LONGEST,
    OPTIONS,
    REPOSITORY,
    SEQ2SEQ_TYPES,
    TYPES,
    WORK,
    causal_head,
    fill_heads,
    gradients,
    head_inputs,
    head_options,
    heads,
    inputs,
    load,
    load_class,
    made_by_reference,
    options_of,
    relative,
    tensors,
    usual_auto,
    usual_inputs,
)
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModel

TOLERANCE = 1e-5
KEY_BIAS = re.compile(r"\.(k|key|k_lin|k_proj)\.bias$")


NEAR_TIE = 1e-6
"""Norms that differ by no more than this part: rounding decides which of the two keys is chosen."""


def narrowest_choice(model: nn.Module, batch: dict[str, Tensor]) -> float:
    """How near the norm of a key that isn't chosen as sparse comes to that of one that is, at the least."""
    topk, gaps = Tensor.topk, []

    def watched(norms: Tensor, count: int, dim: int) -> Any:
        ordered = norms.double().sort(dim=dim, descending=True).values
        last, next_one = ordered[..., count - 1], ordered[..., count]
        gaps.append(((last - next_one) / last)[next_one > 0].min().item())
        return topk(norms, count, dim=dim)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tensor, "topk", watched)
        model(**batch)
    return min(gaps)


@pytest.mark.parametrize("model_type,option", [(t, o) for t in TYPES for o in options_of(t)])
def test_hidden_states_and_gradients_at_hostile_lengths(model_type: str, option: str) -> None:
    goldens = load_file(WORK / "goldens" / f"{model_type}.model.safetensors")
    model = load(model_type, AutoModel, **OPTIONS[option])
    worst = {}
    for length in LENGTHS:
        torch.manual_seed(length)
        output = model(**inputs(model_type, length)).last_hidden_state
        worst[length] = relative(output, goldens[f"{option}.{length}"])
        if worst[length] > TOLERANCE and OPTIONS[option]["sparsity_type"] == "norm":
            assert narrowest_choice(model, inputs(model_type, length)) < NEAR_TIE, (length, worst[length])
            del worst[length]
            continue
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


@pytest.mark.parametrize("model_type", CAUSAL_TYPES)
def test_causal_models_above_two_blocks(model_type: str) -> None:
    goldens = load_file(WORK / "goldens" / f"{model_type}.causal.safetensors")
    for option in CAUSAL_OPTIONS:
        model = load_class(model_type, causal_head(model_type), is_decoder=True, **OPTIONS[option])
        fill_heads(model)
        for length in CAUSAL_LENGTHS:
            batch = inputs(model_type, length)
            with torch.no_grad():
                logits = model(**batch).logits
            assert relative(logits, goldens[f"{option}.{length}"]) <= TOLERANCE, (option, length)


@pytest.mark.parametrize("model_type", TYPES + SEQ2SEQ_TYPES)
def test_a_checkpoint_that_the_reference_made_comes_back_to_life(model_type: str, tmp_path: Path) -> None:
    """lsg-converter's own folder opens in no transformers of today; `--resize-lsg` brings it our files."""
    output = tmp_path / "resized"
    command = ["node", REPOSITORY / "bin" / "lsg.js", "convert", made_by_reference(model_type), output]
    options = ["--resize-lsg", "--max-sequence-length", str(2 * LONGEST), "--quiet"]
    subprocess.run([*command, *options], check=True)
    auto_class = usual_auto(model_type)
    model = auto_class.from_pretrained(output, trust_remote_code=True, torch_dtype=torch.float32).eval()
    expected = load_file(WORK / "goldens" / f"{model_type}.conversion.safetensors")
    batch = usual_inputs(model_type, 3 * BLOCK + 5)
    with torch.no_grad():
        assert relative(model.base_model(**batch).last_hidden_state, expected["hidden"]) <= TOLERANCE
        if model.config.tie_word_embeddings:
            # Else transformers 5 leaves the bias of its own ALBERT's head at 0.
            assert relative(model(**batch).logits, expected["logits"]) <= TOLERANCE
        model(**usual_inputs(model_type, LONGEST + 1))
