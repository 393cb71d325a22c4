"""Models of windows for the goldens of fixtures/<model_type>/windows, and what they are to compute: see
fixtures/generate/windows_outputs.py."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Iterator

import torch
from cases import REPOSITORY, WORK, original
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers.dynamic_module_utils import get_class_from_dynamic_module

MODEL_TYPES = sorted(path.parent.parent.name for path in REPOSITORY.glob("fixtures/*/windows/cases.json"))
MODELING = REPOSITORY / "dist" / "modeling"


@dataclass(frozen=True)
class Golden:
    """A batch and what is defined of its outputs: every `stride`-th number."""

    place: str
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    strides: dict[str, int]


def documents(model_type: str) -> list[dict[str, Any]]:
    return json.loads((REPOSITORY / "fixtures" / model_type / "windows" / "cases.json").read_text())


def document(model_type: str, name: str) -> dict[str, Any]:
    return next(one for one in documents(model_type) if one["name"] == name)


@cache
def stored(model_type: str) -> dict[str, Tensor]:
    return load_file(REPOSITORY / "fixtures" / model_type / "windows" / "goldens.safetensors")


def below(model_type: str, prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): x for name, x in stored(model_type).items() if name.startswith(prefix)}


def goldens(model_type: str, case: dict[str, Any]) -> Iterator[Golden]:
    for kind, lengths in case["inputs"].items():
        for length in lengths:
            inputs = below(model_type, f"inputs/{kind}/{length}/")
            place = f"{case['name']}/{kind}/{length}"
            strides = case["strides"].get(kind, {}).get(str(length), {})
            ids = {name: x.long() for name, x in inputs.items()}
            yield Golden(place, ids, below(model_type, f"{place}/"), strides)


def module_of(model_type: str) -> str:
    return f"modeling_windows_{model_type.replace('-', '_')}"


def windows_folder(model_type: str, case: dict[str, Any], **config: Any) -> Path:
    """A converted folder whose config is written by hand, made anew; its tables of positions are still the
    checkpoint's."""
    # Tests that run side by side make it each for itself.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    folder = WORK / "windows" / worker / f"{model_type}-{case['name']}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in original(model_type).iterdir():
        if "model" in file.name and not file.name.endswith(".model"):
            (folder / file.name).symlink_to(file)
    shutil.copy(MODELING / f"{module_of(model_type)}.py", folder)
    source = json.loads((original(model_type) / "config.json").read_text())
    written = (
        source | case["config"] | case["windows"] | {"architectures": [f"Windows{case['model']}"]} | config
    )
    (folder / "config.json").write_text(json.dumps(written))
    return folder


def golden_model(model_type: str, case: dict[str, Any], **config: Any) -> nn.Module:
    folder = windows_folder(model_type, case, **config)
    path = f"{module_of(model_type)}.Windows{case['model']}"
    model_class = get_class_from_dynamic_module(path, str(folder))
    model = model_class.from_pretrained(folder, torch_dtype=torch.float32, ignore_mismatched_sizes=True)
    size = case["windows"]["window_size"]
    weights = below(model_type, f"weights/{size}/") | below(model_type, f"{case['name']}/weights/")
    if model.base_model is model:
        weights = {name.removeprefix(f"{model.base_model_prefix}."): x for name, x in weights.items()}
    unexpected = model.load_state_dict(weights, strict=False).unexpected_keys
    assert not unexpected, unexpected
    for module in model.modules():
        # transformers 5 has a second bias of its own, which a conversion writes and a checkpoint of before lacks.
        decoder, bias = getattr(module, "decoder", None), getattr(module, "bias", None)
        if isinstance(decoder, nn.Linear) and isinstance(bias, nn.Parameter):
            decoder.bias = bias
    return model.eval()


def difference(golden: Golden, name: str, actual: Tensor) -> float:
    """The largest of the defined numbers, as a part of the largest of them."""
    expected, mask = golden.outputs[name], golden.inputs["attention_mask"]
    is_by_column = actual.shape[: mask.dim()] == mask.shape and "decoder_input_ids" not in golden.inputs
    seen = mask if is_by_column else mask.any(-1)
    seen = seen.reshape(*seen.shape, *[1] * (actual.dim() - seen.dim()))
    assert torch.isfinite(actual).all()
    defined = (actual * seen).flatten()[:: golden.strides.get(name, 1)]
    assert defined.shape == expected.shape, (
        f"{name}: {tuple(defined.shape)}, expected {tuple(expected.shape)}"
    )
    return ((defined - expected).abs().max() / expected.abs().max()).item()
