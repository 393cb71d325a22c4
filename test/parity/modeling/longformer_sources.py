"""Saves the fixtures under every class that has a Longformer counterpart: what is to be converted."""

from __future__ import annotations

import shutil
import zlib
from typing import Any

import numpy
import torch
import transformers
from cases import original
from longformer_cases import CASES, source, source_class

WEIGHTS = shutil.ignore_patterns("*model*.safetensors*", "*model*.bin*")


def model_of(model_type: str, head: str) -> Any:
    """The fixture as that class; what it lacks for it depends on the parameter's name alone."""
    options: dict[str, Any] = {"num_labels": 2} if head == "ForQuestionAnswering" else {}
    if model_type == "electra":
        # Its own embeddings are narrower than its layers.
        options["embedding_size"] = 32
    model, loading = getattr(transformers, source_class(model_type, head)).from_pretrained(
        original(model_type),
        torch_dtype=torch.float32,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
        **options,
    )
    lacking = {*loading["missing_keys"], *(name for name, *_ in loading["mismatched_keys"])}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in lacking:
                random = numpy.random.default_rng(zlib.crc32(name.encode()))
                values = (0.2 * random.standard_normal(tuple(parameter.shape))).astype(numpy.float32)
                parameter.copy_(torch.from_numpy(values) + float("norm.weight" in name.lower()))
    return model


def main() -> None:
    for model_type, head in CASES:
        folder = source(model_type, head)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(original(model_type), folder, ignore=WEIGHTS)
        model_of(model_type, head).save_pretrained(folder)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
