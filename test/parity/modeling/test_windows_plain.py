"""Without `trust_remote_code=True` a folder of windows is its original: transformers' own class opens it, with the same
weights, and computes the same to the bit. Its tokenizer and template are those that the keys of its config speak of."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from cases import BASES, FAMILIES, REPOSITORY, SEQ2SEQ_FAMILIES, original, prefix, usual_inputs
from transformers import AutoConfig, AutoTokenizer

TYPES = [model_type for model_type in (FAMILIES | SEQ2SEQ_FAMILIES) if model_type != "bert-generation"]
"""The fixture of the one that is left out is causal."""
IS_TRANSFORMERS_5 = int(transformers.__version__.split(".")[0]) >= 5
LIMIT = 3000


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    output = tmp_path_factory.mktemp("windows") / request.param
    command = ["node", REPOSITORY / "bin" / "lsg.js", "convert", original(request.param), output, "--to", "windows"]
    subprocess.run([*map(str, command), "--max-sequence-length", str(LIMIT), "--quiet"], check=True)
    return request.param, output


def plain(model_type: str, source: Path) -> Any:
    """transformers' own class of the original's name."""
    name = json.loads((original(model_type) / "config.json").read_text())["architectures"][0]
    known = getattr(transformers, name, None) or getattr(transformers, prefix(model_type) + BASES[model_type])
    return known.from_pretrained(source).eval()


@pytest.mark.parametrize("folder", TYPES, indirect=True)
def test_the_plain_class_computes_what_the_original_does(folder: tuple[str, Path]) -> None:
    model_type, output = folder
    before, after = plain(model_type, original(model_type)), plain(model_type, output)
    assert type(before) is type(after)
    assert before.config.max_position_embeddings == after.config.max_position_embeddings
    # transformers 5 draws the second bias of an output layer that is not shared; ours has it.
    is_drawn = IS_TRANSFORMERS_5 and before.config.tie_word_embeddings is False
    states = before.state_dict()
    assert states.keys() == after.state_dict().keys()
    for name, value in after.state_dict().items():
        assert torch.equal(states[name], value) or (is_drawn and name.endswith("decoder.bias")), name
    if is_drawn:
        return
    with torch.no_grad():
        first, second = (model(**usual_inputs(model_type, 40))[0] for model in (before, after))
    assert torch.equal(first, second)


@pytest.mark.parametrize("folder", TYPES, indirect=True)
def test_the_keys_are_those_of_the_tokenizer(folder: tuple[str, Path]) -> None:
    _, output = folder
    config = json.loads((output / "config.json").read_text())
    assert type(AutoConfig.from_pretrained(output)).__module__.startswith("transformers.")
    tokenizer = AutoTokenizer.from_pretrained(output)
    assert tokenizer.model_max_length == LIMIT
    one, two = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("the harbour", "a boat"))
    alone, both = tokenizer("the harbour")["input_ids"], tokenizer("the harbour", "a boat")["input_ids"]
    head, tail, between = config["window_head"], config["window_tail"], config["window_separator"]
    assert alone[head : len(alone) - tail] == one
    assert both[head : head + len(one + between + two)] == one + between + two
