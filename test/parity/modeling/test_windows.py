"""Models of windows against what transformers' own models compute from each window alone."""

from __future__ import annotations

import pytest
import torch
from cases import tensors
from torch.nn import functional as F
from windows_goldens import MODEL_TYPES, difference, documents, golden_model, goldens

TOLERANCE = 1e-5
"""Float32 against float64, in two layers."""

OTHER_SEARCH = ("pegasus", "beam")
"""transformers 4.57 may end a beam search sooner than 4.40, which gave the ids."""

CASES = [
    pytest.param(
        model_type, case["name"], marks=pytest.mark.once if (model_type, case["name"]) == OTHER_SEARCH else []
    )
    for model_type in MODEL_TYPES
    for case in documents(model_type)
]


@pytest.mark.parametrize("model_type, name", CASES)
def test_goldens(model_type: str, name: str) -> None:
    case = next(one for one in documents(model_type) if one["name"] == name)
    model = golden_model(model_type, case)
    for golden in goldens(model_type, case):
        with torch.no_grad():
            if case["part"] == "generate":
                ids = model.generate(**golden.inputs, **case["generate"])
                expected, rows = golden.outputs["sequences"].long(), golden.inputs["attention_mask"].any(1)
                filled = F.pad(ids, (0, expected.shape[1] - ids.shape[1]), value=model.config.pad_token_id)
                assert torch.equal(filled[rows], expected[rows]), golden.place
                continue
            part = model.get_encoder() if case["part"] == "encoder" else model
            outputs = tensors(part(**golden.inputs))
        if "first_token" in golden.outputs:
            firsts = golden.inputs["attention_mask"].argmax(1)
            outputs["first_token"] = outputs["last_hidden_state"][torch.arange(len(firsts)), firsts]
        for output in golden.outputs:
            assert difference(golden, output, outputs[output]) < TOLERANCE, f"{golden.place}/{output}"
