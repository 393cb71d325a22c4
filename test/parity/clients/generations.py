"""What generate() gave in PyTorch, as fixtures/<model_type>/outputs has it, and folders for clients to do the same."""

from __future__ import annotations

import json
import shutil
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from folders import ROOT, WORK, converted, exported, fixture
from safetensors.torch import load_file
from torch import Tensor

Case = dict[str, Any]
SEARCHES = ("greedy", "beam")


@cache
def tensors(model_type: str) -> dict[str, Tensor]:
    return load_file(ROOT / "fixtures" / model_type / "outputs" / "goldens.safetensors")


def read_cases(model_type: str) -> list[Case]:
    cases = json.loads((ROOT / "fixtures" / model_type / "outputs" / "cases.json").read_text())
    return [{**case, "model_type": model_type} for case in cases if case["part"] == "generate"]


def model_of(case: Case) -> str:
    """A name for what a case runs, of which there are several cases: `bart-passed-long`."""
    words = [word for word in case["name"].split("-") if word not in (*SEARCHES, "left", "right")]
    return "-".join([case["model_type"], *words])


MODELS = {
    name: list(cases)
    for model_type in ["bart", "mbart", "pegasus"]
    for name, cases in groupby(sorted(read_cases(model_type), key=model_of), key=model_of)
}
"""The cases of each model."""

ORIGINALS = [name for name, [case, *_] in MODELS.items() if case["lsg"] is None]


def inputs(case: Case, length: int) -> dict[str, Tensor]:
    """Three rows of that length, about 70 % and about a third of it."""
    names = ["input_ids", "attention_mask"]
    return {name: tensors(case["model_type"])[f"inputs/{case['inputs']}/{length}/{name}"].long() for name in names}


def sequences(case: Case, length: int) -> Tensor:
    """What came out, the decoder's first token included."""
    return tensors(case["model_type"])[f"{case['name']}/{length}/sequences"].long()


@cache
def source(name: str) -> Path:
    """The checkpoint of a model, with the config keys that are the model's own."""
    [case, *_] = MODELS[name]
    original = fixture(case["model_type"])
    if not case["config"]:
        return original
    assert not (original / "generation_config.json").exists(), "which would win"
    folder = shutil.copytree(original, WORK / f"source-{name}")
    config = json.loads((folder / "config.json").read_text()) | case["config"]
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def folder_of(name: str, *flags: str) -> Path:
    """Graphs of a model: as it is, or converted as the reference converts it."""
    [case, *_] = MODELS[name]
    if case["lsg"] is None:
        return exported(source(name), *flags)
    length = ["--max-sequence-length", str(case["max_length"])]
    return converted(source(name), "--preset", "reference", *length, "--model-kwargs", json.dumps(case["lsg"]), *flags)
