"""Times our modelling code beside lsg-converter's: BERT of base size, the same weights, turn by turn.

    python test/benchmarks/modeling_code.py [--train] [--length 4096] [--rounds 5] [--memory]

Needs torch, transformers 4.40.2 and lsg-converter 0.1.9; with the environment that test/parity/run.py makes:
PYTHONPATH=.venv-parity/tf-4.40 .venv-parity/base/bin/python test/benchmarks/modeling_code.py

A training step is forward and backward, with dropout, without the optimizer's. Prints for each setting of
the sparse part the median and the least of wall time and of CPU time, and their ratios: on a machine that
others use, the least is what to go by. --memory takes a process for each model instead, and prints the
largest resident memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "converters"))

SETTINGS: dict[str, dict[str, Any]] = {
    "128/128 norm": dict(block_size=128, sparse_block_size=128, sparsity_factor=2, sparsity_type="norm"),
    "256/0": dict(block_size=256, sparse_block_size=0, sparsity_factor=0, sparsity_type="none"),
}


def build(whose: str, setting: str, length: int) -> nn.Module:
    """The reference's model or ours with weights that depend on nothing else."""
    if whose == "reference":
        from lsg_converter.bert.modeling_lsg_bert import LSGBertConfig, LSGBertModel
    else:
        from modeling.modeling_lsg_bert import LSGBertConfig, LSGBertModel
    config = LSGBertConfig(max_position_embeddings=length, **SETTINGS[setting])
    model = LSGBertModel(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            if parameter.dim() > 1:
                parameter.normal_(0, 0.02, generator=generator)
    return model


def step(model: nn.Module, length: int, train: bool) -> torch.Tensor:
    """One pass over the same tokens; the last hidden state."""
    ids = torch.randint(1000, 20000, (1, length), generator=torch.Generator().manual_seed(1))
    model.train(train)
    with torch.set_grad_enabled(train):
        output = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    if train:
        output.sum().backward()
        model.zero_grad(set_to_none=False)
    return output.detach()


def compare_times(setting: str, length: int, train: bool, rounds: int) -> None:
    models = {whose: build(whose, setting, length) for whose in ("reference", "ours")}
    outputs = [step(model, length, train=False) for model in models.values()]
    print(f"{setting}: outputs differ by at most {(outputs[0] - outputs[1]).abs().max():.1e}")
    seconds = {whose: [] for whose in models}
    for turn in range(-1, rounds):
        for whose, model in models.items():
            wall, cpu = time.perf_counter(), time.process_time()
            step(model, length, train)
            if turn >= 0:
                seconds[whose].append((time.perf_counter() - wall, time.process_time() - cpu))
    for name, of in (("median", statistics.median), ("least", min)):
        reference, ours = ([of(x) for x in zip(*seconds[whose])] for whose in ("reference", "ours"))
        for kind, theirs, own in zip(("wall", "CPU"), reference, ours):
            print(f"  {name} {kind}: {theirs:.2f} s, ours {own:.2f} s, {theirs / own:.2f} ×", flush=True)


def compare_memory(setting: str, length: int, train: bool) -> None:
    peaks = {}
    for whose in ("reference", "ours"):
        command = [
            sys.executable,
            __file__,
            "--peak-of",
            whose,
            "--setting",
            setting,
            "--length",
            str(length),
        ]
        output = subprocess.run(
            command + ["--train"] * train, check=True, capture_output=True, text=True
        ).stdout
        peaks[whose] = json.loads(output)
    parts = ", ".join(f"{whose} {peak:.0f} MB" for whose, peak in peaks.items())
    print(f"{setting}: {parts}, ratio {peaks['ours'] / peaks['reference']:.2f}", flush=True)


def peak_megabytes(whose: str, setting: str, length: int, train: bool) -> float:
    model = build(whose, setting, length)
    for _ in range(2):
        step(model, length, train)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--length", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--setting", choices=SETTINGS)
    parser.add_argument("--peak-of", choices=["reference", "ours"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of:
        print(json.dumps(peak_megabytes(options.peak_of, options.setting, options.length, options.train)))
        return
    for setting in [options.setting] if options.setting else SETTINGS:
        if options.memory:
            compare_memory(setting, options.length, options.train)
        else:
            compare_times(setting, options.length, options.train, options.rounds)


if __name__ == "__main__":
    main()
