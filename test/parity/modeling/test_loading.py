"""Who opens a converted folder: with its code from anywhere, without it nobody who would compute otherwise."""

from __future__ import annotations

import copy
import importlib.util
import json
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
import torch
import transformers
from cases import (
    SEQ2SEQ_TYPES,
    TYPES,
    class_name,
    converted,
    load,
    original,
    relative,
    usual_auto,
    usual_head,
    usual_inputs,
)
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, Trainer, TrainingArguments, pipeline
from transformers.dynamic_module_utils import get_class_from_dynamic_module

NEEDS_CODE = "lsg_needs_trust_remote_code"
KEY = "_attn_implementation"
ALL_TYPES = [*TYPES, *SEQ2SEQ_TYPES]
VERSION = tuple(int(part) for part in transformers.__version__.split(".")[:2])


def dotted(model_type: str, parent: Path, preset: str = "reference") -> Path:
    """A copy in a folder that is called as people call models."""
    return Path(shutil.copytree(converted(model_type, preset), parent / f"my-{model_type}-v1.5"))


def plain_class(model_type: str, head: str = "Model") -> Any:
    """transformers' own."""
    return getattr(transformers, class_name(model_type, head).removeprefix("LSG"))


def module_of(model_type: str) -> str:
    return f"modeling_lsg_{model_type.replace('-', '_')}"


def config_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text())


def hidden(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(**batch)[0]


def refuses(opening: Callable[[], Any]) -> bool:
    """Whether it ends in a ValueError that says why."""
    try:
        opening()
    except ValueError as error:
        return NEEDS_CODE in str(error)
    return False


@pytest.mark.parametrize("model_type", ALL_TYPES)
def test_a_folder_with_a_dot_in_its_name_opens(model_type: str, tmp_path: Path) -> None:
    folder, options = dotted(model_type, tmp_path), {"trust_remote_code": True, "torch_dtype": torch.float32}
    head = usual_auto(model_type).from_pretrained(folder, **options)
    assert type(head).__name__ == class_name(model_type, usual_head(model_type))
    model, batch = AutoModel.from_pretrained(folder, **options), usual_inputs(model_type, 50)
    assert torch.equal(hidden(model, batch), hidden(load(model_type, AutoModel), batch))


@pytest.mark.parametrize("model_type", ALL_TYPES)
def test_a_model_of_the_hub_with_a_dot_in_its_name_opens(model_type: str, tmp_path: Path) -> None:
    """As the Hub's cache has it."""
    commit, home = "0123456789abcdef0123456789abcdef01234567", tmp_path / f"models--org--{model_type}-v1.5"
    shutil.copytree(converted(model_type), home / "snapshots" / commit)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(commit)
    options: dict[str, Any] = {"cache_dir": tmp_path, "local_files_only": True}
    name = f"org/{model_type}-v1.5"
    model = AutoModel.from_pretrained(name, trust_remote_code=True, **options)
    assert type(model).__name__ == class_name(model_type, "Model")
    assert refuses(lambda: AutoModel.from_pretrained(name, **options))


@pytest.mark.parametrize("model_type", ["bert", "bart", "albert"])
def test_its_class_can_be_taken_from_the_file(model_type: str, tmp_path: Path) -> None:
    folder, module, name = (
        dotted(model_type, tmp_path),
        module_of(model_type),
        class_name(model_type, "Model"),
    )
    by_transformers = get_class_from_dynamic_module(f"{module}.{name}", str(folder))
    spec = importlib.util.spec_from_file_location(module, folder / f"{module}.py")
    assert spec and spec.loader
    by_python = importlib.util.module_from_spec(spec)
    sys.modules[module] = by_python
    spec.loader.exec_module(by_python)
    for model_class in (by_transformers, getattr(by_python, name)):
        model = model_class.from_pretrained(folder)
        assert type(model) is model_class
        assert isinstance(model.config, model_class.config_class)


@pytest.mark.parametrize("model_type", ALL_TYPES)
def test_without_its_code_it_refuses(model_type: str, tmp_path: Path) -> None:
    folder, head = dotted(model_type, tmp_path), usual_head(model_type)
    for opening in (
        lambda: AutoModel.from_pretrained(folder),
        lambda: AutoModel.from_pretrained(folder, trust_remote_code=False),
        lambda: usual_auto(model_type).from_pretrained(folder),
        lambda: plain_class(model_type).from_pretrained(folder),
        lambda: plain_class(model_type, head).from_pretrained(folder),
        lambda: AutoModel.from_pretrained(folder, config=AutoConfig.from_pretrained(folder)),
        # AutoModel takes the key of config.json all the same.
        lambda: AutoModel.from_pretrained(folder, attn_implementation="eager"),
    ):
        assert refuses(opening)


def test_so_do_pipelines() -> None:
    folder = str(converted("bert"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert refuses(lambda: pipeline("fill-mask", folder, tokenizer=tokenizer))
    opened = pipeline("fill-mask", folder, tokenizer=tokenizer, trust_remote_code=True)
    assert type(opened.model).__name__ == "LSGBertForMaskedLM"


@pytest.mark.parametrize("model_type", ALL_TYPES)
def test_its_config_opens_without_its_code(model_type: str, tmp_path: Path) -> None:
    config = AutoConfig.from_pretrained(dotted(model_type, tmp_path))
    assert type(config).__name__ == plain_class(model_type).config_class.__name__
    assert config.model_type == model_type


@pytest.mark.parametrize("model_type", ["bert", "roberta", "albert", "bart"])
def test_its_tokenizer_opens_without_its_code(model_type: str, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(dotted(model_type, tmp_path))
    ids = tokenizer("ab fa")["input_ids"]
    assert ids == AutoTokenizer.from_pretrained(original(model_type))("ab fa")["input_ids"]


@pytest.mark.parametrize("way", ["by hand", "without the key"])
@pytest.mark.parametrize("model_type", ALL_TYPES)
def test_the_plain_class_can_be_had_for_short_texts(model_type: str, way: str, tmp_path: Path) -> None:
    """As the model card says; it is the original's, up to the original's length."""
    folder = dotted(model_type, tmp_path, "faithful")
    options = {"torch_dtype": torch.float32}
    if way == "without the key":
        config = config_of(folder)
        assert config.pop(KEY) == NEEDS_CODE
        (folder / "config.json").write_text(json.dumps(config))
        model = AutoModel.from_pretrained(folder, **options)
        assert type(AutoModel.from_pretrained(folder, trust_remote_code=True)).__name__.startswith("LSG")
    else:
        model = AutoModel.from_pretrained(folder, _attn_implementation="eager", **options)
    assert type(model) is plain_class(model_type)
    before = AutoModel.from_pretrained(original(model_type), attn_implementation="eager", **options)
    ours = AutoModel.from_pretrained(folder, trust_remote_code=True, **options)
    for length in (5, json.loads((folder / "lsg_conversion.json").read_text())["promise"]["lossless_up_to"]):
        batch = usual_inputs(model_type, length)
        seen = slice(None) if model_type in SEQ2SEQ_TYPES else batch["attention_mask"].bool()
        expected = hidden(before, batch)[seen]
        # Fused attention rounds otherwise than eager.
        for one in (model, ours):
            assert relative(hidden(one, batch)[seen], expected) <= 1e-5


@pytest.mark.parametrize("model_type", ["bert", "bart"])
def test_newer_versions_let_a_class_of_theirs_be_told_another_attention(model_type: str) -> None:
    """Which docs/convert.md says."""
    folder = converted(model_type)

    def opening() -> nn.Module:
        return plain_class(model_type).from_pretrained(folder, attn_implementation="eager")

    if VERSION >= (4, 57):
        assert type(opening()) is plain_class(model_type)
    else:
        assert refuses(opening)


@pytest.mark.parametrize("attention", [None, "eager"])
@pytest.mark.parametrize("model_type", ALL_TYPES)
def test_its_own_class_opens_whatever_attention_is_asked_for(model_type: str, attention: str | None) -> None:
    model = load(model_type, AutoModel, **({"attn_implementation": attention} if attention else {}))
    assert type(model).__name__ == class_name(model_type, "Model")
    assert getattr(model.config, KEY) in ([attention] if attention else ["eager", "sdpa"])
    made = AutoModel.from_config(model.config, trust_remote_code=True)
    assert type(made).__name__ == type(model).__name__
    assert getattr(made.config, KEY) != NEEDS_CODE


@pytest.mark.parametrize("model_type", ALL_TYPES)
def test_its_config_takes_the_key_out_and_writes_it_again(model_type: str, tmp_path: Path) -> None:
    config = AutoConfig.from_pretrained(dotted(model_type, tmp_path), trust_remote_code=True)
    same = [
        config,
        copy.deepcopy(config),
        pickle.loads(pickle.dumps(config)),
        type(config).from_dict(config.to_dict()),
        type(config)(**config.to_dict()),
        type(config)(**config.to_diff_dict()),
    ]
    for one in same:
        assert getattr(one, KEY) in (None, "eager")
        assert one.block_size == 16
        assert one.to_dict()[KEY] == one.to_diff_dict()[KEY] == NEEDS_CODE
        for use_diff in (True, False):
            assert json.loads(one.to_json_string(use_diff=use_diff))[KEY] == NEEDS_CODE
    config.update({KEY: NEEDS_CODE})
    assert getattr(config, KEY) in (None, "eager")
    config._attn_implementation = "sdpa"
    assert config._attn_implementation == "sdpa"
    assert config.to_dict()[KEY] == NEEDS_CODE
    config.save_pretrained(tmp_path / "saved")
    assert config_of(tmp_path / "saved")[KEY] == NEEDS_CODE


@pytest.mark.parametrize("model_type", ALL_TYPES)
def test_saved_again_it_refuses_again(model_type: str, tmp_path: Path) -> None:
    auto, folder = usual_auto(model_type), tmp_path / "fine-tuned-v1.5"
    auto.from_pretrained(dotted(model_type, tmp_path), trust_remote_code=True).save_pretrained(folder)
    assert [path.name for path in folder.glob("*.py")] == [f"{module_of(model_type)}.py"]
    assert refuses(lambda: AutoModel.from_pretrained(folder))
    again = auto.from_pretrained(folder, trust_remote_code=True)
    assert type(again).__name__ == class_name(model_type, usual_head(model_type))


def test_what_a_trainer_saves_refuses_too(tmp_path: Path) -> None:
    model = load("bert", transformers.AutoModelForSequenceClassification, num_labels=3)
    arguments = TrainingArguments(str(tmp_path), report_to=[], use_cpu=True)
    Trainer(model, arguments).save_model(str(tmp_path / "saved"))
    auto = transformers.AutoModelForSequenceClassification
    assert refuses(lambda: auto.from_pretrained(tmp_path / "saved"))
    again = auto.from_pretrained(tmp_path / "saved", trust_remote_code=True)
    assert type(again).__name__ == "LSGBertForSequenceClassification"
    assert again.config.num_labels == 3
