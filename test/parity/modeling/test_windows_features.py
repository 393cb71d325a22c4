"""What models of windows do beside computing the goldens: they train, load, save, and refuse what is not
defined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from cases import gradients, tensors
from torch import Tensor, nn
from transformers import AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification
from windows_goldens import Golden, document, golden_model, goldens, windows_folder

SIZE = 30
CLOSE = dict(rtol=1e-4, atol=1e-5)
"""Batches of another shape: sums in another order."""


def long_batch(model_type: str, name: str, kind: str, length: int) -> Golden:
    case = document(model_type, name)
    return next(x for x in goldens(model_type, case) if x.place == f"{name}/{kind}/{length}")


def opened(model_type: str, name: str, **config: Any) -> nn.Module:
    return golden_model(model_type, document(model_type, name), **config)


def plain(model_type: str, name: str) -> nn.Module:
    """transformers' own class with the same weights."""
    case, ours = document(model_type, name), opened(model_type, name)
    model = getattr(transformers, case["model"])(ours.config)
    model.load_state_dict(ours.state_dict())
    return model.eval()


@pytest.mark.parametrize(
    "model_type, name, kind, length",
    [
        ("bert", "Model", "pairs-left", 103),
        ("mpnet", "Model", "middle", 119),
        ("roberta", "ForSequenceClassification-logsumexp", "right", 97),
        ("bart", "ForQuestionAnswering", "right", 97),
        ("mbart", "encoder", "left", 74),
    ],
)
def test_a_row_is_alone_what_it_is_in_a_batch(model_type: str, name: str, kind: str, length: int) -> None:
    model, inputs = opened(model_type, name), long_batch(model_type, name, kind, length).inputs
    mask = inputs["attention_mask"]
    model = model.get_encoder() if name == "encoder" else model
    with torch.no_grad():
        whole = tensors(model(**inputs))
        for row in range(len(mask)):
            if not mask[row].any():
                continue
            alone = tensors(model(**{key: x[row : row + 1] for key, x in inputs.items()}))
            for key, x in alone.items():
                together = whole[key][row : row + 1]
                if x.shape[:2] == (1, length):
                    x, together = x[:, mask[row] != 0], together[:, mask[row] != 0]
                torch.testing.assert_close(x, together, **CLOSE, msg=lambda text: f"{key}, row {row}: {text}")


@pytest.mark.parametrize("model_type", ["bert", "roberta", "albert", "mpnet", "distilbert", "bart"])
def test_as_far_as_a_window_goes_it_is_the_plain_class(model_type: str) -> None:
    name = "encoder" if model_type == "bart" else "Model"
    kind, length = ("left", SIZE - 1)
    inputs = long_batch(model_type, name, kind, length).inputs
    ours, theirs = opened(model_type, name), plain(model_type, name)
    if model_type == "bart":
        ours, theirs = ours.encoder, theirs.encoder
    with torch.no_grad():
        mine, other = (model(**inputs, output_hidden_states=True) for model in (ours, theirs))
    assert mine.keys() == other.keys()
    assert torch.equal(mine.last_hidden_state, other.last_hidden_state)
    assert len(mine.hidden_states) == len(other.hidden_states) == 3
    assert all(map(torch.equal, mine.hidden_states, other.hidden_states))


def test_up_to_a_window_positions_and_a_row_for_every_query_are_taken_as_ever() -> None:
    ours, theirs = opened("bert", "Model"), plain("bert", "Model")
    inputs = long_batch("bert", "Model", "right", SIZE).inputs
    inputs["position_ids"] = torch.arange(SIZE).flip(0)[None]
    mask = torch.ones(5, SIZE, SIZE, dtype=torch.long).tril()
    # transformers 5 wants an axis for heads.
    inputs["attention_mask"] = mask[:, None] == 1 if transformers.__version__.startswith("5") else mask
    with torch.no_grad():
        assert torch.equal(ours(**inputs).last_hidden_state, theirs(**inputs).last_hidden_state)


def test_what_a_trainer_gives_its_loss_is_let_through() -> None:
    inputs, model = long_batch("bert", "Model", "right", 53).inputs, opened("bert", "Model")
    with torch.no_grad():
        alone, given = model(**inputs), model(**inputs, num_items_in_batch=torch.tensor(5))
    assert torch.equal(alone.last_hidden_state, given.last_hidden_state)


@pytest.mark.parametrize(
    "given, says",
    [
        (
            dict(position_ids=torch.zeros(1, 53, dtype=torch.long)),
            "does not support position_ids beyond 30 tokens",
        ),
        (dict(output_attentions=True), "does not support output_attentions beyond 30 tokens"),
        (
            dict(attention_mask=torch.ones(5, 53, 53)),
            r"attention_mask has shape \(5, 53, 53\), expected \(5, 53\)",
        ),
    ],
)
def test_refuses_beyond_a_window(given: dict[str, Any], says: str) -> None:
    inputs = long_batch("bert", "Model", "right", 53).inputs | given
    with pytest.raises(ValueError, match=says):
        opened("bert", "Model")(**inputs)


def test_refuses_merges_that_a_class_does_not_know() -> None:
    for name, merge in [("ForMaskedLM", "reader"), ("ForQuestionAnswering", "mean"), ("Model", "max")]:
        with pytest.raises(ValueError, match=f"window_merge is '{merge}', expected of WindowsBert"):
            opened("bert", name, window_merge=merge)
    with pytest.raises(ValueError, match="is_decoder is true"):
        opened("bert", "ForMaskedLM", is_decoder=True)


def test_a_base_model_with_a_decoder_wants_its_ids() -> None:
    inputs = long_batch("bart", "Model", "right-decoder", 97).inputs
    inputs.pop("decoder_input_ids")
    with pytest.raises(ValueError, match="Give decoder_input_ids"):
        opened("bart", "Model")(**inputs)


@pytest.mark.parametrize("model_type", ["bert", "distilbert", "electra"])
def test_hidden_states_and_embedded_inputs(model_type: str) -> None:
    model, inputs = opened(model_type, "Model"), long_batch(model_type, "Model", "right", 53).inputs
    if "token_type_ids" not in inputs:
        # Separators tell a pair's texts, and embeddings have none.
        model.config.window_separator = []
    embeds = model.get_input_embeddings()(inputs["input_ids"])
    others = {key: x for key, x in inputs.items() if key != "input_ids"}
    with torch.no_grad():
        whole = model(**inputs, output_hidden_states=True)
        embedded = model(inputs_embeds=embeds, **others)
        as_tuple = model(**inputs, output_hidden_states=True, return_dict=False)
    torch.testing.assert_close(embedded.last_hidden_state, whole.last_hidden_state)
    assert len(whole.hidden_states) == 3
    assert torch.equal(whole.hidden_states[-1], whole.last_hidden_state)
    assert all(x.shape == whole.last_hidden_state.shape for x in whole.hidden_states)
    assert torch.equal(as_tuple[0], whole.last_hidden_state)


def by_hand(model: nn.Module, inputs: dict[str, Tensor], size: int, overlap: int) -> Tensor:
    """Logits of one row of tokens that are all visible, from the dense model's own on each window."""
    n = inputs["input_ids"].shape[1]
    room = size - 2
    count = 1 + -(-(n - size) // (room - overlap))
    starts = [(2 * i * (n - size) + count - 1) // (2 * (count - 1)) for i in range(count)]
    places = [[0, *range(start + 1, start + size - 1), n - 1] for start in starts]
    base = model.base_model
    hidden = [base(**{key: x[:, place] for key, x in inputs.items()}).last_hidden_state for place in places]
    columns = [torch.stack([x[:, 0] for x in hidden]).mean(0)]
    for t in range(1, n - 1):
        distance = lambda i: abs(2 * i * (n - size) + (count - 1) * (1 + room - 2 * t))  # noqa: E731
        owner = min(range(count), key=lambda i: (distance(i), -i))
        columns.append(hidden[owner][:, t - starts[owner]])
    columns.append(hidden[-1][:, -1])
    return model.cls(torch.stack(columns, dim=1))


def test_gradients_are_those_of_windows_by_hand() -> None:
    ours, theirs = opened("bert", "ForMaskedLM"), plain("bert", "ForMaskedLM")
    inputs = {key: x[:1] for key, x in long_batch("bert", "ForMaskedLM", "right", 97).inputs.items()}
    mine = gradients(ours, ours(**inputs).logits)
    other = gradients(theirs, by_hand(theirs, inputs, SIZE, 6))
    assert mine.keys() == other.keys()
    for name, gradient in other.items():
        torch.testing.assert_close(
            mine[name], gradient, rtol=1e-3, atol=1e-4, msg=lambda text: f"{name}: {text}"
        )


@pytest.mark.parametrize(
    "model_type, name, labels",
    [
        ("bert", "ForSequenceClassification-reader", torch.tensor([0, 1, 0, 1, 0])),
        ("roberta", "ForSequenceClassification-max", torch.tensor([0, 1, 0, 1, 0])),
        ("electra", "ForSequenceClassification-logsumexp", torch.tensor([0, 1, 0, 1, 0])),
        ("distilbert", "ForSequenceClassification-reader", torch.tensor([0, 1, 0, 1, 0])),
    ],
)
def test_trains(model_type: str, name: str, labels: Tensor) -> None:
    model, inputs = opened(model_type, name).train(), long_batch(model_type, name, "right", 97).inputs
    found = []
    for checkpointing in (False, True):
        if checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.zero_grad()
        torch.manual_seed(0)
        loss = model(**inputs, labels=labels).loss
        loss.backward()
        found.append({key: x.grad.clone() for key, x in model.named_parameters() if x.grad is not None})
        assert torch.isfinite(loss) and all(torch.isfinite(x).all() for x in found[-1].values())
    assert found[0].keys() == found[1].keys()
    for key, gradient in found[0].items():
        torch.testing.assert_close(found[1][key], gradient, msg=lambda text: f"{key}: {text}")


def test_a_loss_is_that_of_the_merged_logits() -> None:
    labels = torch.tensor([0, 1, 0, 1, 0])
    for model_type, name, kind in [
        ("bert", "ForSequenceClassification-max", "right"),
        ("bart", "ForSequenceClassification-logsumexp", "eos-right"),
    ]:
        model = opened(model_type, name)
        with torch.no_grad():
            output = model(**long_batch(model_type, name, kind, 97).inputs, labels=labels)
        assert output.logits.shape == (5, model.config.num_labels)
        torch.testing.assert_close(output.loss, nn.functional.cross_entropy(output.logits, labels))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("model_type", ["bert", "mpnet", "roberta-prelayernorm", "bart"])
def test_smaller_dtypes(model_type: str, dtype: torch.dtype) -> None:
    name, kind = ("encoder", "right") if model_type == "bart" else ("Model", "right")
    model, inputs = opened(model_type, name), long_batch(model_type, name, kind, 53).inputs
    model = model.encoder if model_type == "bart" else model
    with torch.no_grad():
        exact = model(**inputs).last_hidden_state
        found = model.to(dtype)(**inputs).last_hidden_state
    assert found.dtype == dtype and torch.isfinite(found).all()
    seen = inputs["attention_mask"] != 0
    # Two layers of sums of 32 products, with 8 bits of a number's mantissa or 11.
    assert (found.float() - exact)[seen].abs().max() < 0.1 * exact[seen].abs().max()


def test_opens_by_auto_class_and_again_when_saved(tmp_path: Path) -> None:
    case = document("roberta", "ForSequenceClassification-max")
    module = "modeling_windows_roberta"
    auto_map = {
        "AutoConfig": f"{module}.WindowsRobertaConfig",
        "AutoModel": f"{module}.WindowsRobertaModel",
        "AutoModelForMaskedLM": f"{module}.WindowsRobertaForMaskedLM",
        "AutoModelForSequenceClassification": f"{module}.WindowsRobertaForSequenceClassification",
    }
    # The checkpoint's own table of positions.
    windows = {**case["windows"], "window_size": 512}
    folder = windows_folder("roberta", {**case, "config": {}, "windows": windows}, auto_map=auto_map)
    options = dict(trust_remote_code=True, torch_dtype=torch.float32)
    model = AutoModelForSequenceClassification.from_pretrained(folder, **options).eval()
    assert type(model).__name__ == "WindowsRobertaForSequenceClassification"
    ids = torch.arange(700)[None] % 100 + 5
    model.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path, **options).eval()
    with torch.no_grad():
        assert torch.equal(again(ids).logits, model(ids).logits)
    assert again.config.window_merge == "max"
    with pytest.raises(
        ValueError, match="window_merge is 'max', expected of WindowsRobertaForMaskedLM: mean"
    ):
        AutoModelForMaskedLM.from_pretrained(folder, **options)
    # Without the code, the source.
    source = AutoModel.from_pretrained(folder, torch_dtype=torch.float32)
    assert type(source).__name__ == "RobertaModel"
