import { expect, test } from "vitest";
import { assembleModeling } from "../../converters/modeling/assemble.js";

const BASE = `"""The base.

Shapes: b batch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

LIMIT = 4
"""As many as there are."""

UNUSED = 5


class Base(NamedTuple):
    """With UNUSED in what is said."""

    size: int = LIMIT


def unused(x: Any) -> torch.Tensor:
    return nn.functional.relu(x)
`;

const MIDDLE = `"""The middle."""

from __future__ import annotations

from typing import Callable

from torch import Tensor, nn

from .lsg_base import Base


def helper(x: Tensor, f: Callable[[Tensor], Tensor]) -> nn.Module:
    # A comment names nothing: unused.

    return f(Base(x))
`;

const OWN = `"""LSG X."""

from transformers.models.x import modeling_x as x

from .lsg_base import LIMIT
from .lsg_middle import helper


class LSGX(x.X):
    limit = LIMIT
    help = helper
`;

const parts = (changes: Record<string, string> = {}) =>
  new Map(Object.entries({ modeling_lsg_x: OWN, lsg_base: BASE, lsg_middle: MIDDLE, ...changes }));

test("parts stand in one file, each behind what it needs, without what nothing uses", () => {
  expect(assembleModeling("modeling_lsg_x", parts(), "Licence.")).toBe(`# Licence.
"""LSG X."""

from __future__ import annotations

from typing import Callable, NamedTuple

from torch import Tensor, nn
from transformers.models.x import modeling_x as x

# The base.
#
# Shapes: b batch.


LIMIT = 4
"""As many as there are."""


class Base(NamedTuple):
    """With UNUSED in what is said."""

    size: int = LIMIT


# The middle.


def helper(x: Tensor, f: Callable[[Tensor], Tensor]) -> nn.Module:
    # A comment names nothing: unused.

    return f(Base(x))


class LSGX(x.X):
    limit = LIMIT
    help = helper
`);
});

test("the order of the parts does not matter", () => {
  const backwards = new Map([...parts()].reverse());
  expect(assembleModeling("modeling_lsg_x", backwards, "L")).toBe(
    assembleModeling("modeling_lsg_x", parts(), "L"),
  );
});

test("a long line of imports is broken, constants first", () => {
  const names = ["sum_of_all", "Long", "MOST"].map((name) => name.padEnd(34, name.at(-1)));
  const own = OWN.replace("modeling_x as x", `(\n    ${names.join(",\n    ")},\n    modeling_x as x,\n)`);
  const used = own.replace("help = helper", `help = helper, ${names.join(", ")}`);
  const sorted = [...names].reverse().map((name) => `    ${name},\n`);
  expect(assembleModeling("modeling_lsg_x", parts({ modeling_lsg_x: used }), "L")).toContain(
    `from transformers.models.x import (\n${sorted[0]}${sorted[1]}    modeling_x as x,\n${sorted[2]})\n`,
  );
});

test.each([
  [
    "a part that is not there",
    { modeling_lsg_x: OWN.replace("lsg_middle", "lsg_other") },
    /lsg_other\.py is not there/,
  ],
  [
    "two definitions of one name",
    { modeling_lsg_x: `${OWN}\n\ndef helper() -> None:\n    pass\n` },
    /helper is defined in two of the parts/,
  ],
  ["a name that is imported too", { modeling_lsg_x: OWN.replaceAll("LSGX", "nn") }, /nn is defined in two/],
  ["two definitions without a line between", { lsg_base: BASE.replace("\n\nUNUSED", "\nUNUSED") }, /found 2/],
  ["a statement that defines nothing", { modeling_lsg_x: `${OWN}\n\nprint(1)\n` }, /found 0 in\nprint/],
  ["no docstring", { lsg_middle: MIDDLE.slice(20) }, /lsg_middle\.py has no docstring/],
])("%s is refused", (_, changes, message) => {
  expect(() => assembleModeling("modeling_lsg_x", parts(changes), "L")).toThrow(message);
});
