"""What people do with an encoder-decoder: load, save, resize, halve, compile, and what it refuses."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import (
    BLOCK,
    LONGEST,
    OPTIONS,
    SEQ2SEQ_TYPES,
    class_name,
    converted,
    inputs,
    load,
    relative,
    seq2seq_inputs,
)
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForSeq2SeqLM

LONG = 3 * BLOCK + 5
NOT_PASSED = {"pass_global_tokens_to_decoder": False}

every_type = pytest.mark.parametrize("model_type", SEQ2SEQ_TYPES)


def load_seq2seq(model_type: str, preset: str = "reference", **options: Any) -> Any:
    return load(model_type, AutoModelForSeq2SeqLM, preset, **options)


def opened(folder: Path, **options: Any) -> tuple[Any, dict[str, Any]]:
    return AutoModelForSeq2SeqLM.from_pretrained(
        folder, trust_remote_code=True, torch_dtype=torch.float32, output_loading_info=True, **options
    )


@every_type
@pytest.mark.parametrize("preset", ["reference", "faithful"])
def test_every_weight_finds_its_place(
    model_type: str, preset: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("transformers")
    monkeypatch.setattr(logger, "propagate", True)
    monkeypatch.setattr(logger, "level", logging.WARNING)
    model, loading = opened(converted(model_type, preset))
    assert not any(loading[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    messages = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [message for message in messages if "key" in message or "weight" in message] == []
    base = model.base_model
    for tied in (base.encoder.embed_tokens, base.decoder.embed_tokens, model.lm_head):
        assert tied.weight is base.shared.weight


@every_type
def test_saved_and_loaded_again_it_is_the_same(model_type: str, tmp_path: Path) -> None:
    model = load_seq2seq(model_type, **OPTIONS["norm"] | NOT_PASSED)
    model.save_pretrained(tmp_path / "saved")
    [code] = (tmp_path / "saved").glob("*.py")
    assert code.read_bytes() == (converted(model_type) / code.name).read_bytes()
    again, loading = opened(tmp_path / "saved")
    assert not any(loading[key] for key in ("missing_keys", "unexpected_keys"))
    assert type(again).__name__ == class_name(model_type, "ForConditionalGeneration")
    assert again.config.pass_global_tokens_to_decoder is False
    batch = seq2seq_inputs(model_type, LONG)
    assert torch.equal(model(**batch).logits, again.eval()(**batch).logits)


@every_type
def test_a_head_of_its_own(model_type: str, tmp_path: Path) -> None:
    model = load_seq2seq(model_type, tie_word_embeddings=False)
    head = torch.nn.Parameter(model.base_model.shared.weight.detach().flip(0).clone())
    model.lm_head.weight = head
    model.save_pretrained(tmp_path / "saved")
    again = opened(tmp_path / "saved")[0].eval()
    assert torch.equal(again.lm_head.weight, head)
    assert not torch.equal(again.base_model.shared.weight, head)
    batch = seq2seq_inputs(model_type, LONG)
    assert torch.equal(again(**batch).logits, model(**batch).logits)


@every_type
def test_positions_are_the_files(model_type: str, tmp_path: Path) -> None:
    """Those of Pegasus too, which transformers could make by itself."""
    folder = tmp_path / "changed"
    shutil.copytree(converted(model_type), folder)
    name = "model.encoder.embed_positions.weight"
    shards = {path: load_file(path) for path in folder.glob("*.safetensors")}
    [(path, tensors)] = [(path, tensors) for path, tensors in shards.items() if name in tensors]
    tensors[name] = tensors[name].flip(0).contiguous()
    save_file(tensors, path, {"format": "pt"})
    model = opened(folder)[0].eval()
    assert torch.equal(model.base_model.encoder.embed_positions.weight, tensors[name].float())
    batch = seq2seq_inputs(model_type, LONG)
    assert relative(model(**batch).logits, load_seq2seq(model_type)(**batch).logits) > 1e-3


@every_type
def test_new_tokens(model_type: str) -> None:
    model = load_seq2seq(model_type)
    old = model.config.vocab_size
    model.resize_token_embeddings(old + 3)
    assert model.base_model.encoder.embed_tokens.weight is model.base_model.shared.weight
    batch = seq2seq_inputs(model_type, LONG)
    before = load_seq2seq(model_type)(**batch).logits
    after = model(**batch).logits
    assert after.shape[-1] == old + 3
    assert relative(after[..., :old], before) <= 1e-6
    batch["input_ids"][0, 1] = batch["decoder_input_ids"][0, 1] = old + 2
    assert torch.isfinite(model(**batch).logits).all()


@every_type
@pytest.mark.parametrize("preset", ["reference", "faithful"])
@pytest.mark.parametrize("dtype,tolerance", [(torch.bfloat16, 0.1), (torch.float16, 0.02)])
def test_half_precision(model_type: str, preset: str, dtype: torch.dtype, tolerance: float) -> None:
    # With norm, rounding would change which keys are chosen.
    options = dict(block_size=BLOCK, sparsity_type="pooling" if preset == "reference" else "none")
    model, half = (load_seq2seq(model_type, preset, **options) for _ in range(2))
    half.to(dtype)
    for side in ("left", "right"):
        batch = seq2seq_inputs(model_type, 10 * BLOCK, side)
        expected = model(**batch).logits
        assert relative(half(**batch).logits.float(), expected) < tolerance


def test_states_that_overflow_in_half_precision_are_clamped() -> None:
    model = load_seq2seq("mbart").to(torch.float16)
    with torch.no_grad():
        model.base_model.encoder.layers[0].fc2.bias.fill_(65504)
        model.base_model.encoder.layers[1].fc2.bias.fill_(65504)
    assert torch.isfinite(model(**seq2seq_inputs("mbart", LONG)).logits).all()


@pytest.mark.parametrize("model_type,option", [("bart", "norm"), ("mbart", "none"), ("pegasus", "none")])
def test_the_encoder_compiled_for_any_length(model_type: str, option: str) -> None:
    encoder = load_seq2seq(model_type, **OPTIONS[option]).get_encoder()
    compiled = torch.compile(encoder, dynamic=True, fullgraph=True, backend="eager")
    for length in (5, 30, LONG, 100, 200):
        batch = inputs(model_type, length)
        expected = encoder(**batch).last_hidden_state
        assert relative(compiled(**batch).last_hidden_state, expected) <= 1e-5
    torch._dynamo.reset()


@every_type
@pytest.mark.parametrize("options", [{}, NOT_PASSED])
def test_tuples_hold_what_the_output_holds(model_type: str, options: dict[str, Any]) -> None:
    model, batch = load_seq2seq(model_type, **options), seq2seq_inputs(model_type, LONG)
    rows = LONG + (0 if options else model.config.num_global_tokens)
    for each in (model, model.base_model):
        output = each(**batch, output_hidden_states=True, use_cache=False)
        assert all(state.shape[1] == rows for state in output.encoder_hidden_states)
        assert len(output.encoder_hidden_states) == model.config.encoder_layers + 1
        made = each(**batch, output_hidden_states=True, use_cache=False, return_dict=False)
        for part, expected in zip(made, output.to_tuple()):
            same = [(part, expected)] if isinstance(part, torch.Tensor) else zip(part, expected)
            assert all(torch.equal(*pair) for pair in same)
        assert len(made) == len(output.to_tuple())


@every_type
@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_ways_to_compute_the_decoders_attention(model_type: str, implementation: str) -> None:
    try:
        model = load_seq2seq(model_type, attn_implementation=implementation)
    except ValueError as error:
        pytest.skip(f"this transformers: {error}")
    batch = seq2seq_inputs(model_type, LONG)
    assert relative(model(**batch).logits, load_seq2seq(model_type)(**batch).logits) <= 1e-5


@every_type
def test_attentions_are_the_decoders_alone(model_type: str) -> None:
    model = load_seq2seq(model_type, attn_implementation="eager")
    batch = seq2seq_inputs(model_type, LONG)
    with pytest.raises(ValueError, match="Encoder does not support output_attentions"):
        model(**batch, output_attentions=True)
    states = model.get_encoder()(batch["input_ids"], batch["attention_mask"])
    output = model(**batch, encoder_outputs=states, output_attentions=True)
    assert len(output.decoder_attentions) == len(output.cross_attentions) == model.config.decoder_layers
    assert output.cross_attentions[0].shape[-1] == model.config.num_global_tokens + LONG
    assert output.encoder_attentions is None


def test_what_is_not_supported_says_so() -> None:
    model, batch = load_seq2seq("bart"), inputs("bart", 8)
    encoder = model.get_encoder()
    with pytest.raises(ValueError, match="LSGBartEncoder does not support head_mask"):
        encoder(**batch, head_mask=torch.ones(2, 4))
    with pytest.raises(
        ValueError, match=f"{LONGEST + 1} tokens, but the table of positions is for {LONGEST}"
    ):
        model(**inputs("bart", LONGEST + 1))
    for shape in ((3, 9), (3, 8, 8)):
        with pytest.raises(ValueError, match="attention_mask has shape"):
            model(input_ids=batch["input_ids"], attention_mask=torch.ones(shape))
    with pytest.raises(ValueError, match=r"attention_mask has shape \(3, 9\), expected \(3, 8\)"):
        model(**batch | {"attention_mask": torch.ones(3, 9)}, encoder_outputs=encoder(**batch))
    with pytest.raises(ValueError, match="either input_ids or inputs_embeds"):
        encoder(attention_mask=batch["attention_mask"])
    with pytest.raises(ValueError, match="don't fit together"):
        load_seq2seq("bart", block_size=16, sparsity_factor=16)


def test_a_config_without_our_keys_is_the_references() -> None:
    config = type(load("bart", AutoModel).config)()
    assert config.pass_global_tokens_to_decoder is True and config.first_token_is_global is False
