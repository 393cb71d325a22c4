"""Weights as people save them: what `lsg convert` reads, it reads right; where it refuses, the Python that its error
names is run in a copy of the folder, and then it converts into what the model itself does."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import numpy
import pytest
import torch
from cases import REPOSITORY
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoModel, BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel

pytestmark = pytest.mark.once
"""PyTorch alone reads the weights; what transformers is here for, any version does, and the oldest is the strictest."""

State = dict[str, Tensor]

SIZES = dict(
    vocab_size=99,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=64,
    bos_token_id=2,
    mask_token_id=4,
)


def lsg(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["node", str(REPOSITORY / "bin" / "lsg.js"), *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def model_of(class_: type) -> Any:
    torch.manual_seed(7)
    return class_(BertConfig(**SIZES)).eval()


def saved(folder: Path, model: Any) -> Path:
    """The model in a folder as transformers writes it, in safetensors of one file."""
    model.save_pretrained(folder, safe_serialization=True)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **SIZES}))
    return folder


def odd(folder: Path, class_: type, save: Callable[[Path, Any, State], None]) -> Path:
    """The same with its weights saved otherwise."""
    model = model_of(class_)
    saved(folder, model)
    (folder / "model.safetensors").unlink()
    save(folder, model, model.state_dict())
    return folder


def converted(source: Path, output: Path, *options: str) -> State:
    done = lsg("convert", source, output, "--max-sequence-length", "128", *options)
    assert done.returncode == 0, done.stderr
    return load_file(output / "model.safetensors")


def expected(folder: Path, class_: type, *options: str) -> State:
    return converted(saved(folder / "plain", model_of(class_)), folder / "plain-lsg", *options)


def assert_same(found: State, wanted: State) -> None:
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name


def prefixed(state: State, prefix: str) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def to_bin(folder: Path, value: Any) -> None:
    torch.save(value, folder / "pytorch_model.bin")


class OnTpu:
    """A tensor as torch_xla pickles it: a numpy array, with its dtype and device."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __reduce__(self) -> Any:
        data = self.tensor.float().numpy() if self.tensor.dtype == torch.bfloat16 else self.tensor.numpy()
        return (torch._utils._rebuild_device_tensor_from_numpy, (data, self.tensor.dtype, "xla:0", False))


def in_shards(folder: Path, state: State) -> None:
    names = list(state)
    parts = {"pytorch_model-00001-of-00002.bin": names[:9], "pytorch_model-00002-of-00002.bin": names[9:]}
    for file, part in parts.items():
        torch.save({name: state[name] for name in part}, folder / file)
    places = {name: file for file, part in parts.items() for name in part}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))


READ: dict[str, Callable[[Path, Any, State], None]] = {
    "DataParallel": lambda folder, model, _: to_bin(folder, nn.DataParallel(model).state_dict()),
    "torch.compile": lambda folder, model, _: to_bin(folder, torch.compile(model).state_dict()),
    "DataParallel of torch.compile": lambda folder, model, _: save_file(
        {k: v.clone() for k, v in nn.DataParallel(torch.compile(model)).state_dict().items()},
        folder / "model.safetensors",
    ),
    "a module around it": lambda folder, model, _: to_bin(folder, nn.ModuleDict({"bert": model}).state_dict()),
    "Lightning": lambda folder, _, state: to_bin(
        folder,
        {
            "epoch": 3,
            "pytorch-lightning_version": "2.2.0",
            "state_dict": prefixed(state, "model."),
            "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3, 3)}}, "param_groups": []}],
            "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.9)}},
            "hyper_parameters": {"lr": 1e-5},
        },
    ),
    "a training script": lambda folder, _, state: to_bin(
        folder,
        {
            "best_f1": numpy.float64(0.91),
            "steps": numpy.int64(7),
            "model_state_dict": state,
            "optimizer_state_dict": {"state": {0: {"exp_avg": torch.zeros(3, 3)}}},
        },
    ),
    "safetensors without metadata": lambda folder, _, state: save_file(
        {k: v.clone() for k, v in state.items()}, folder / "model.safetensors"
    ),
    "safetensors called .bin": lambda folder, _, state: save_file(
        {k: v.clone() for k, v in state.items()}, folder / "pytorch_model.bin"
    ),
}


@pytest.mark.parametrize("case", READ)
def test_reads(case: str, tmp_path: Path) -> None:
    source = odd(tmp_path / "odd", BertForSequenceClassification, READ[case])
    output = tmp_path / "odd-lsg"
    assert_same(converted(source, output), expected(tmp_path, BertForSequenceClassification))
    # transformers 4.40 opens no safetensors file without a format in its metadata.
    AutoModel.from_pretrained(output, trust_remote_code=True)


def remedied(source: Path, copy: Path) -> list[str]:
    """Follows the error of a conversion in a copy of the source; the options that it names."""
    refusal = lsg("convert", source, copy.parent / "refused")
    assert refusal.returncode == 2 and not (copy.parent / "refused").exists()
    command = re.search(r"python -c '([^']*)'", refusal.stderr)
    assert command, refusal.stderr
    shutil.copytree(source, copy)
    subprocess.run([sys.executable, "-c", command[1]], cwd=copy, check=True, env={**os.environ})
    return re.findall(r"--architecture \w+", refusal.stderr)


FOLLOWED: dict[str, tuple[type, Callable[[Path, Any, State], None]]] = {
    "a whole model": (BertForSequenceClassification, lambda folder, model, _: to_bin(folder, model)),
    "a whole model with tied weights": (BertForMaskedLM, lambda folder, model, _: to_bin(folder, model)),
    "a whole model inside a training checkpoint": (
        BertModel,
        lambda folder, model, state: to_bin(folder, {"args": argparse.Namespace(lr=1), "state_dict": state}),
    ),
    "a whole model in a dict": (
        BertForSequenceClassification,
        lambda folder, model, _: to_bin(folder, {"epoch": 3, "model": nn.DataParallel(model)}),
    ),
    "a whole model in a list": (BertModel, lambda folder, model, _: to_bin(folder, [model, {"lr": 1e-5}])),
    "a state dict in a tuple": (BertModel, lambda folder, _, state: to_bin(folder, (state, 7))),
    "arrays of numpy": (
        BertForSequenceClassification,
        lambda folder, _, state: to_bin(folder, {k: v.numpy() for k, v in state.items()}),
    ),
    "tensors of a TPU": (
        BertForSequenceClassification,
        lambda folder, _, state: to_bin(folder, {k: OnTpu(v) for k, v in state.items()}),
    ),
    "two dicts of weights": (
        BertModel,
        lambda folder, _, state: to_bin(
            folder, {"state_dict": state, "ema_state_dict": {k: v + 1 for k, v in state.items()}}
        ),
    ),
}


@pytest.mark.parametrize("case", FOLLOWED)
def test_remedies_work(case: str, tmp_path: Path) -> None:
    class_, save = FOLLOWED[case]
    source = odd(tmp_path / "odd", class_, save)
    copy = tmp_path / "copy"
    assert remedied(source, copy) == []
    assert_same(converted(copy, tmp_path / "copy-lsg"), expected(tmp_path, class_))


def tagger(state: State, prefix: str = "encoder.") -> State:
    return {**prefixed(state, prefix), "crf.transitions": torch.ones(5, 5), "linear.weight": torch.ones(5, 16)}


WITH_MORE: dict[str, Callable[[Path, Any, State], None]] = {
    "in a .bin": lambda folder, _, state: to_bin(folder, tagger(state)),
    "in safetensors": lambda folder, _, state: save_file(
        {k: v.clone() for k, v in tagger(state, "bert.encoder.").items()}, folder / "model.safetensors"
    ),
    "in shards": lambda folder, _, state: in_shards(folder, tagger(state, "module.net.")),
    "in a training checkpoint": lambda folder, _, state: to_bin(
        folder, {"state_dict": tagger(state, "model.encoder."), "f1": numpy.float64(1)}
    ),
    "two of them": lambda folder, _, state: to_bin(
        folder, {**prefixed(state, "query."), **prefixed({k: v + 1 for k, v in state.items()}, "passage.")}
    ),
}


@pytest.mark.parametrize("case", WITH_MORE)
def test_a_model_is_taken_out_of_a_module(case: str, tmp_path: Path) -> None:
    source = odd(tmp_path / "odd", BertModel, WITH_MORE[case])
    copy = tmp_path / "copy"
    [options] = remedied(source, copy)
    found = converted(copy, tmp_path / "copy-lsg", *options.split())
    assert_same(found, expected(tmp_path, BertModel, *options.split()))


def test_quantised_weights_are_refused_and_the_original_converts(tmp_path: Path) -> None:
    def quantise(folder: Path, model: Any, _: State) -> None:
        quantised = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
        to_bin(folder, quantised.state_dict())

    source = odd(tmp_path / "odd", BertForSequenceClassification, quantise)
    refusal = lsg("convert", source, tmp_path / "refused")
    assert refusal.returncode == 2
    assert "holds quantised weights" in refusal.stderr
    assert "Convert the model as it was before it was quantised" in refusal.stderr
    expected(tmp_path, BertForSequenceClassification)
