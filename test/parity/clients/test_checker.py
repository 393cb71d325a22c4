"""ONNX's own checker passes every graph, and its shape inference knows every value."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from folders import RELATIVES, SPARSITY_TYPES, TYPES, classes, converted, exported, fixture, graph, lsg


def axes(value: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_value or dim.dim_param for dim in value.type.tensor_type.shape.dim]


def check(path: Path) -> None:
    # By path, so that weights beside the graph are checked as well.
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(path, load_external_data=False)
    declared = [axes(output) for output in model.graph.output]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True).graph
    known = {value.name for value in [*inferred.value_info, *inferred.output]}
    assert [name for node in inferred.node for name in node.output if name not in known] == []
    for output, expected in zip(inferred.output, declared, strict=True):
        sizes = zip(axes(output), expected, strict=True)
        assert all(size == wanted for size, wanted in sizes if isinstance(size, int) and isinstance(wanted, int))


def of_class(name: str) -> list[str]:
    """Causal language models are decoders; without that they would be fill-mask models of another name."""
    causal = name.endswith(("ForCausalLM", "LMHeadModel"))
    return ["--architecture", name, *(["--model-kwargs", '{"is_decoder": true}'] if causal else [])]


@pytest.mark.parametrize("model_type,name", [(each, name) for each in TYPES for name in classes(each)])
def test_every_head(model_type: str, name: str) -> None:
    check(graph(converted(fixture(model_type), *of_class(name))))


@pytest.mark.parametrize("model_type", RELATIVES)
def test_relatives(model_type: str) -> None:
    check(graph(converted(fixture(model_type))))


def sparse(model_type: str, sparsity_type: str) -> Path:
    return converted(fixture(model_type), "--preset", "reference", "--sparsity-type", sparsity_type)


@pytest.mark.parametrize("sparsity_type", SPARSITY_TYPES)
@pytest.mark.parametrize("model_type", TYPES)
def test_every_sparsity_type(model_type: str, sparsity_type: str) -> None:
    check(graph(sparse(model_type, sparsity_type)))


@pytest.mark.parametrize("sparsity_type", SPARSITY_TYPES)
def test_the_op_alone(tmp_path: Path, sparsity_type: str) -> None:
    lsg("export", sparse("bert", sparsity_type), tmp_path, "--op-only", "--quiet")
    check(tmp_path / "attention.onnx")


@pytest.mark.parametrize("weights", ["external", "shared"])
@pytest.mark.parametrize("model_type", TYPES)
def test_weights_outside(model_type: str, weights: str) -> None:
    check(graph(converted(fixture(model_type), "--onnx-weights", weights)))


@pytest.mark.parametrize("model_type", TYPES)
def test_full_attention_of_the_original(model_type: str) -> None:
    check(graph(exported(fixture(model_type))))
