"""Converted with `--add-tokens`, a folder is what transformers makes of the original with `add_special_tokens` and
`resize_token_embeddings`: the same ids, tables of the same shapes with the same old rows, no key missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from cases import WORK, original
from torch import Tensor
from transformers import AutoTokenizer

ADDED = WORK / "added"
"""Made by run.py: <model_type>-<variant>, and -bare with the vocabulary alone, as a tokenizer in Python has it."""
FOLDERS = sorted(folder.name for folder in ADDED.iterdir() if not folder.name.endswith(".source"))
TOKENS = ["[question]", "[/question]", "[ent]", "[/ent]"]
TEXT = "[question] The harbour was quiet[/question] [ent] boats[/ent]"
IS_FAST_ONLY = int(transformers.__version__.split(".")[0]) >= 5
KEPT = False
"""`replace_additional_special_tokens`, which transformers 5 calls otherwise."""

each_folder = pytest.mark.parametrize("name", FOLDERS)


def source(name: str) -> Path:
    own = ADDED / f"{name}.source"
    return own if own.exists() else original(name.rsplit("-", 1)[0])


def record(name: str) -> dict[str, Any]:
    return json.loads((ADDED / name / "lsg_conversion.json").read_text())


@each_folder
@pytest.mark.parametrize("fast", [True] if IS_FAST_ONLY else [True, False])
def test_the_tokenizer_is_the_one_that_transformers_makes(name: str, fast: bool) -> None:
    theirs, ours = (AutoTokenizer.from_pretrained(each, use_fast=fast) for each in (source(name), ADDED / name))
    is_miscounted = len(theirs) <= max(theirs.get_vocab().values())
    assert not is_miscounted or (name.startswith("camembert") and not fast), "it gives ids that others have"
    # Languages stay special tokens.
    theirs.add_special_tokens({"additional_special_tokens": TOKENS}, KEPT)
    assert ours.convert_tokens_to_ids(TOKENS) == list(record(name)["added_tokens"].values())
    assert set(TOKENS) <= set(ours.all_special_tokens)
    if name.startswith("camembert") and not fast:
        # In Python the fixture's numbering is another one than the rest of its files'.
        return
    assert len(ours) == len(theirs)
    assert ours(TEXT)["input_ids"] == theirs(TEXT)["input_ids"]
    assert ours.decode(ours(TEXT)["input_ids"]) == theirs.decode(theirs(TEXT)["input_ids"])


def tables(model: Any) -> dict[str, Tensor]:
    """Everything that has a value or a row for each word."""
    output = model.get_output_embeddings()
    found = {
        "words": model.get_input_embeddings().weight,
        "output": getattr(output, "weight", None),
        "bias": getattr(output, "bias", None),
        "final_logits_bias": getattr(model, "final_logits_bias", None),
    }
    return {name: x.detach().float() for name, x in found.items() if x is not None}


def opened(name: str) -> Any:
    folder, class_name = ADDED / name, record(name)["architecture"]
    config = json.loads((folder / "config.json").read_text())
    auto = [key for key, value in config.get("auto_map", {}).items() if value.endswith(f".{class_name}")]
    opener, options = (auto[0], {"trust_remote_code": True}) if auto else (class_name, {})
    model, loading = getattr(transformers, opener).from_pretrained(folder, output_loading_info=True, **options)
    # Of the fixture's own head, which no class knows.
    unexpected = {key for key in loading.pop("unexpected_keys") if "my_own" not in key}
    assert not unexpected and not any(loading.values())
    return model


@each_folder
def test_the_tables_are_those_that_transformers_makes(name: str) -> None:
    class_name = json.loads((source(name) / "config.json").read_text())["architectures"][0]
    theirs = getattr(transformers, class_name).from_pretrained(source(name))
    old = theirs.get_input_embeddings().weight.shape[0]
    albert_bias = dict(theirs.named_parameters()).get("predictions.bias")
    theirs.resize_token_embeddings(old + len(TOKENS))
    ours = opened(name)
    assert ours.config.vocab_size == old + len(TOKENS)
    expected, found = tables(theirs), tables(ours)
    if albert_bias is not None:
        # transformers 5 forgets it on the way.
        expected["bias"][:old] = albert_bias.detach()
    assert found.keys() == expected.keys()
    deviation = getattr(ours.config, "initializer_range", None) or ours.config.init_std
    for part, table in found.items():
        assert table.shape == expected[part].shape, part
        before, after = table.split([old, len(TOKENS)], dim=1 if part == "final_logits_bias" else 0)
        assert torch.equal(before, expected[part].narrow(-1 if part == "final_logits_bias" else 0, 0, old)), part
        if "bias" in part:
            assert not after.any(), part
        else:
            assert 0.67 < float(after.std()) / deviation < 1.33, part
