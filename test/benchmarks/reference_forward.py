"""Runs models of BERT base's size in PyTorch, for the rows beside ours.

Answers lines of JSON on stdin with lines of JSON on stdout, as src/bench/program.ts does: the first one, `{}`, loads,
the others hold inputs. Each answer has the seconds that it took, and the most memory that the process has had so far.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any, Callable

import torch


def lsg(positions: int) -> torch.nn.Module:
    from lsg_converter.bert.modeling_lsg_bert import LSGBertConfig, LSGBertModel

    return LSGBertModel(LSGBertConfig(max_position_embeddings=positions))


def bert(positions: int) -> torch.nn.Module:
    from transformers import BertConfig, BertModel

    return BertModel._from_config(BertConfig(max_position_embeddings=positions), attn_implementation="sdpa")


def longformer(positions: int) -> torch.nn.Module:
    from transformers import LongformerConfig, LongformerModel

    return LongformerModel(LongformerConfig(max_position_embeddings=positions + 2))


def bigbird(positions: int) -> torch.nn.Module:
    from transformers import BigBirdConfig, BigBirdModel

    return BigBirdModel(BigBirdConfig(max_position_embeddings=positions))


def modernbert(positions: int) -> torch.nn.Module:
    from transformers import ModernBertConfig, ModernBertModel

    config = ModernBertConfig(max_position_embeddings=positions)
    return ModernBertModel._from_config(config, attn_implementation="sdpa")


MODELS: dict[str, Callable[[int], torch.nn.Module]] = {
    "lsg": lsg,
    "bert": bert,
    "longformer": longformer,
    "bigbird": bigbird,
    "modernbert": modernbert,
}


def peak_megabytes() -> float:
    kibibytes = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert kibibytes
    return int(kibibytes[1]) * 1024 / 1e6


def forward(model: torch.nn.Module, inputs: dict[str, dict[str, Any]]) -> float:
    ids, mask = (
        torch.tensor(inputs[name]["values"]).reshape(inputs[name]["dims"]) for name in ("input_ids", "attention_mask")
    )
    # After a short input a BigBird stays with full attention.
    if hasattr(model, "set_attention_type"):
        model.set_attention_type("block_sparse")
    begin = time.perf_counter()
    with torch.no_grad():
        model(input_ids=ids, attention_mask=mask)
    return time.perf_counter() - begin


def main() -> None:
    name, positions = sys.argv[1], int(sys.argv[2])
    answers, sys.stdout = sys.stdout, sys.stderr
    model: torch.nn.Module | None = None
    for line in sys.stdin:
        request = json.loads(line)
        if model is None:
            begin = time.perf_counter()
            torch.manual_seed(1)
            model = MODELS[name](positions).eval()
            seconds = time.perf_counter() - begin
        else:
            seconds = forward(model, request["inputs"])
        print(json.dumps({"seconds": seconds, "megabytes": peak_megabytes()}), file=answers, flush=True)


main()
