"""What people do with a model: load, save, resize, fine-tune, compile, generate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from cases import (
    BLOCK,
    CAUSAL_TYPES,
    LONGEST,
    OPTIONS,
    TYPES,
    UNMASKED,
    class_name,
    converted,
    fill_heads,
    gradients,
    inputs,
    load,
    load_class,
    relative,
    usual_auto,
    usual_head,
)
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    pipeline,
)

LONG = 3 * BLOCK + 5
ONE_GLOBAL = {"num_global_tokens": 1}


@pytest.mark.parametrize("model_type", TYPES)
def test_saved_and_loaded_again_it_is_the_same(model_type: str, tmp_path: Path) -> None:
    model = load(model_type, usual_auto(model_type), **OPTIONS["norm"])
    fill_heads(model)
    model.save_pretrained(tmp_path / "saved")
    [code] = (tmp_path / "saved").glob("*.py")
    assert code.read_bytes() == (converted(model_type) / code.name).read_bytes()
    again = usual_auto(model_type).from_pretrained(tmp_path / "saved", trust_remote_code=True).eval()
    assert type(again).__name__ == class_name(model_type, usual_head(model_type))
    batch = inputs(model_type, LONG)
    assert torch.equal(model(**batch).logits, again(**batch).logits)
    assert torch.equal(again.get_input_embeddings().weight, model.get_input_embeddings().weight)


@pytest.mark.parametrize("model_type", TYPES)
def test_new_tokens(model_type: str) -> None:
    model = load(model_type, usual_auto(model_type))
    old = model.config.vocab_size
    model.resize_token_embeddings(old + 3)
    batch = inputs(model_type, LONG)
    batch["input_ids"][0, 1] = old + 2
    assert model(**batch).logits.shape[-1] == old + 3


@pytest.mark.parametrize("model_type", TYPES)
def test_gradient_checkpointing_gives_the_same_gradients(model_type: str) -> None:
    model = load(model_type, AutoModel, **OPTIONS["norm"]).train()
    model.lsg_attention.attention_dropout_prob = 0.0
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    batch = inputs(model_type, LONG)
    plain = {name: x.clone() for name, x in gradients(model, model(**batch).last_hidden_state).items()}
    model.gradient_checkpointing_enable()
    assert model.is_gradient_checkpointing
    checkpointed = gradients(model, model(**batch).last_hidden_state)
    assert checkpointed.keys() == plain.keys()
    # Of the largest: biases by distance are summed in another order.
    tolerance = 1e-6 * max(x.abs().max().item() for x in plain.values())
    assert all(torch.allclose(x, plain[name], rtol=0, atol=tolerance) for name, x in checkpointed.items())


@pytest.mark.parametrize("preset", ["reference", "faithful"])
@pytest.mark.parametrize("dtype,tolerance", [(torch.bfloat16, 0.05), (torch.float16, 0.01)])
def test_half_precision_with_padding_on_either_side(
    preset: str, dtype: torch.dtype, tolerance: float
) -> None:
    # With norm, rounding would change which keys are chosen.
    options = dict(block_size=BLOCK, sparsity_type="pooling" if preset == "reference" else "none")
    model = load("bert", AutoModel, preset, **options)
    half = load("bert", AutoModel, preset, **options).to(dtype)
    for side in ("left", "right"):
        batch = inputs("bert", 10 * BLOCK, side)
        seen = batch["attention_mask"].bool()
        expected = model(**batch).last_hidden_state[seen]
        with torch.autocast("cpu", dtype):
            assert relative(model(**batch).last_hidden_state[seen].float(), expected) < tolerance
        actual = half(**batch).last_hidden_state
        assert torch.isfinite(actual).all()
        assert relative(actual[seen].float(), expected) < tolerance


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_with_every_way_to_make_sparse_keys(dtype: torch.dtype, option: str) -> None:
    model, batch = load("bert", AutoModel, **OPTIONS[option]), inputs("bert", 10 * BLOCK)
    with torch.autocast("cpu", dtype):
        assert torch.isfinite(model(**batch).last_hidden_state).all()
    assert torch.isfinite(model.to(dtype)(**batch).last_hidden_state).all()


@pytest.mark.parametrize("option", ["none", "norm", "lsh"])
def test_compiled_for_any_length(option: str) -> None:
    model = load("bert", AutoModel, **OPTIONS[option])
    compiled = torch.compile(model, dynamic=True, fullgraph=True, backend="eager")
    for length in (5, 30, LONG, 100, 200):
        batch = inputs("bert", length)
        torch.manual_seed(0)
        expected = model(**batch).last_hidden_state
        torch.manual_seed(0)
        assert relative(compiled(**batch).last_hidden_state, expected) <= 1e-5
    torch._dynamo.reset()


@pytest.mark.parametrize("model_type", TYPES)
def test_embeddings_and_positions_given(model_type: str) -> None:
    model = load(model_type, AutoModel)
    batch = inputs(model_type, LONG, batch=1)
    expected = model(**batch).last_hidden_state
    ids = batch.pop("input_ids")
    embedded = model.get_input_embeddings()(ids)
    assert relative(model(inputs_embeds=embedded, **batch).last_hidden_state, expected) <= 1e-6
    first = getattr(model.embeddings, "padding_idx", -1) + 1
    positions = torch.arange(first, first + LONG)[None]
    given = model(input_ids=ids, position_ids=positions, **batch).last_hidden_state
    assert relative(given, expected) <= 1e-6
    shifted = model(input_ids=ids, position_ids=positions.flip(1), **batch).last_hidden_state
    assert relative(shifted, expected) > 1e-3


@pytest.mark.parametrize("model_type", [t for t in TYPES if t not in UNMASKED])
def test_tuples_hold_what_the_output_holds(model_type: str) -> None:
    model = load(model_type, AutoModelForSequenceClassification)
    batch = inputs(model_type, LONG)
    output = model(**batch, output_hidden_states=True)
    logits, hidden_states = model(**batch, output_hidden_states=True, return_dict=False)
    assert torch.equal(logits, output.logits)
    assert all(torch.equal(a, b) for a, b in zip(hidden_states, output.hidden_states))
    assert all(state.shape[1] == LONG for state in hidden_states)


@pytest.mark.parametrize("option", OPTIONS)
def test_a_mask_with_equal_rows_is_the_mask_without_rows(option: str) -> None:
    model, batch = load("bert", AutoModel, **OPTIONS[option]), inputs("bert", 10 * BLOCK + 3)
    rows = batch["attention_mask"][:, None].expand(-1, 10 * BLOCK + 3, -1)
    outputs = []
    for mask in (batch["attention_mask"], rows):
        torch.manual_seed(0)
        outputs.append(model(**{**batch, "attention_mask": mask}).last_hidden_state)
    assert relative(outputs[1], outputs[0]) <= 1e-5


@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize("option", OPTIONS)
def test_what_a_row_of_the_mask_hides_is_not_seen(
    option: str, compiling: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two documents in a row of tokens, each hidden from the other, above two blocks and with sparse keys."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: compiling)
    model = load("bert", AutoModel, num_hidden_layers=1, **OPTIONS[option] | {"pool_with_global": False})
    length, cut = 10 * BLOCK + 3, 5 * BLOCK + 7
    batch = {k: v[:1] for k, v in inputs("bert", length).items()}
    document = (torch.arange(length) >= cut).long()
    batch["attention_mask"] = (document[:, None] == document)[None].long()
    changed = batch["input_ids"].clone()
    changed[:, cut:] = (changed[:, cut:] + 7) % 90
    outputs = []
    for ids in (batch["input_ids"], changed):
        torch.manual_seed(0)
        with torch.no_grad():
            # Without token 0, for which a global token can stand in.
            outputs.append(model(**{**batch, "input_ids": ids}).last_hidden_state[:, 1:])
    assert torch.allclose(outputs[0][:, : cut - 1], outputs[1][:, : cut - 1], atol=1e-5)
    assert not torch.allclose(outputs[0][:, cut:], outputs[1][:, cut:], atol=1e-2)


def test_what_is_not_supported_says_so() -> None:
    model, batch = load("bert", AutoModel), inputs("bert", 8)
    for name, value in (("head_mask", torch.ones(2, 4)), ("output_attentions", True)):
        with pytest.raises(ValueError, match=name):
            model(**batch, **{name: value})
    with pytest.raises(ValueError, match="1025 tokens, but the table of positions is for 1024"):
        model(**inputs("bert", 1025))
    with pytest.raises(ValueError, match="attention_mask has shape"):
        model(input_ids=batch["input_ids"], attention_mask=torch.ones(3, 9))
    with pytest.raises(ValueError, match="don't fit together"):
        load("bert", AutoModel, block_size=16, sparsity_factor=16)
    with pytest.raises(ValueError, match="cross-attention"):
        load("bert", AutoModel, is_decoder=True, add_cross_attention=True)


@pytest.mark.parametrize("model_type", ["bert", "roberta", "distilbert", "albert"])
def test_pipelines(model_type: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(converted(model_type))
    model = load(model_type, AutoModelForMaskedLM)
    fill = pipeline("fill-mask", model=model, tokenizer=tokenizer)
    text = " ".join(["a"] * 60) + f" {tokenizer.mask_token}"
    assert len(fill(text, top_k=2)) == 2
    classify = pipeline(
        "text-classification", model=load(model_type, AutoModelForSequenceClassification), tokenizer=tokenizer
    )
    assert 0 <= classify(["a b", "a b " * 50], batch_size=2)[1]["score"] <= 1


@pytest.mark.parametrize("preset", ["reference", "faithful"])
@pytest.mark.parametrize("model_type", CAUSAL_TYPES)
def test_generation_follows_the_logits(model_type: str, preset: str) -> None:
    options = {"block_size": BLOCK, "is_decoder": True}
    model = load(model_type, AutoModelForCausalLM, preset, **options)
    fill_heads(model)
    prompt = inputs(model_type, 2 * BLOCK - 3, batch=1)
    fixed = {
        "do_sample": False,
        "max_new_tokens": 6,
        "min_new_tokens": 6,
        "eos_token_id": None,
        "pad_token_id": model.config.pad_token_id,
    }
    made = model.generate(prompt["input_ids"], attention_mask=prompt["attention_mask"], **fixed)
    ids = prompt["input_ids"]
    for _ in range(6):
        with torch.no_grad():
            ids = torch.cat([ids, model(input_ids=ids).logits[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(made, ids)
    beams = model.generate(prompt["input_ids"], attention_mask=prompt["attention_mask"], num_beams=2, **fixed)
    assert beams.shape == ids.shape


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("preset", ["reference", "faithful"])
@pytest.mark.parametrize("model_type", CAUSAL_TYPES)
def test_generation_with_a_cache_is_generation_without(model_type: str, preset: str, beams: int) -> None:
    """From below two blocks to beyond three, two rows padded on the left."""
    model = load(model_type, AutoModelForCausalLM, preset, is_decoder=True, **OPTIONS["none"] | ONE_GLOBAL)
    fill_heads(model)
    read, held = [], []

    def watch(_: object, args: tuple[object, ...], kwargs: dict[str, Any], output: Any) -> None:
        read.append(kwargs["input_ids"].shape[1])
        if output.past_key_values is not None:
            held.extend(key.shape[2] for key, _ in output.past_key_values._layers)

    model.register_forward_hook(watch, with_kwargs=True)
    prompt = {k: v for k, v in inputs(model_type, BLOCK + 5, "left").items() if k != "token_type_ids"}
    made = 2 * BLOCK + 3
    fixed = dict(
        do_sample=False, num_beams=beams, max_new_tokens=made, min_new_tokens=made, eos_token_id=None
    ) | {"pad_token_id": model.config.pad_token_id, "output_scores": True, "return_dict_in_generate": True}
    without = model.generate(**prompt, **fixed, use_cache=False)
    assert max(read) > 3 * BLOCK and held == []
    read.clear()
    cached = model.generate(**prompt, **fixed, use_cache=True)
    assert torch.equal(cached.sequences, without.sequences)
    assert all(torch.allclose(*scores, atol=1e-4) for scores in zip(cached.scores, without.scores))
    assert read == [BLOCK + 5] + [1] * (made - 1)
    assert max(held) <= 1 + 2 * BLOCK


@pytest.mark.parametrize("preset", ["reference", "faithful"])
def test_a_text_read_in_pieces(preset: str) -> None:
    model = load_class("bert", "LMHeadModel", preset, is_decoder=True, **OPTIONS["none"] | ONE_GLOBAL)
    batch = {k: v for k, v in inputs("bert", 6 * BLOCK + 3, "left").items() if k != "token_type_ids"}
    with torch.no_grad():
        expected, past, parts = model(**batch).logits, None, []
        ends = [5, 6, 2 * BLOCK + 1, 5 * BLOCK, 6 * BLOCK + 3]
        for begin, end in zip([0, *ends], ends):
            output = model(
                input_ids=batch["input_ids"][:, begin:end],
                attention_mask=batch["attention_mask"][:, :end],
                past_key_values=past,
                use_cache=True,
            )
            past = output.past_key_values
            parts.append(output.logits)
    seen = batch["attention_mask"].bool()
    assert relative(torch.cat(parts, dim=1)[seen], expected[seen]) <= 1e-5
    with pytest.raises(ValueError, match="expected what this model returned"):
        model(**batch, past_key_values=((torch.ones(1), torch.ones(1)),))
    with pytest.raises(ValueError, match=r"attention_mask has shape \(3, 1\), expected \(3, 100\)"):
        model(input_ids=batch["input_ids"][:, :1], attention_mask=torch.ones(3, 1), past_key_values=past)


@pytest.mark.parametrize("use_cache", [False, True])
def test_generation_ends_with_the_table_of_positions(use_cache: bool) -> None:
    model = load_class("bert", "LMHeadModel", "reference", is_decoder=True, **OPTIONS["none"])
    prompt = inputs("bert", LONGEST - 2, batch=1)["input_ids"]
    with pytest.raises(
        ValueError, match=f"{LONGEST + 1} tokens, but the table of positions is for {LONGEST}"
    ):
        model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            min_new_tokens=5,
            max_new_tokens=5,
            use_cache=use_cache,
        )


@pytest.mark.parametrize("option", ["none", "norm"])
@pytest.mark.parametrize("preset", ["reference", "faithful"])
def test_a_causal_model_does_not_see_later_tokens(preset: str, option: str) -> None:
    options = {k: v for k, v in OPTIONS[option].items() if preset == "reference" or k != "num_global_tokens"}
    model = load_class("bert", "LMHeadModel", preset, is_decoder=True, **options)
    batch = inputs("bert", 100, batch=1)
    changed = batch["input_ids"].clone()
    changed[:, 70] = (changed[:, 70] + 5) % 90
    with torch.no_grad():
        a, b = model(**batch).logits, model(**{**batch, "input_ids": changed}).logits
    assert torch.allclose(a[:, :70], b[:, :70], atol=1e-5)
    assert not torch.allclose(a[:, 70:], b[:, 70:], atol=1e-3)


def test_dropout_of_attention_weights_is_applied_in_training_alone() -> None:
    model = load(
        "bert", AutoModel, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.3, **OPTIONS["norm"]
    )
    batch = inputs("bert", 100)
    with torch.no_grad():
        assert torch.equal(model(**batch)[0], model(**batch)[0])
        model.train()
        runs = torch.stack([model(**batch)[0] for _ in range(4)])
    assert not torch.equal(runs[0], runs[1])


def test_a_config_without_our_key_is_the_references() -> None:
    model = load("bert", AutoModel)
    assert model.config.first_token_is_global is False and model.num_prepended_tokens == 3
