import { PickleError } from "../base/errors.js";
import { pythonCommand, pythonText } from "../base/python-command.js";
import { quote } from "../base/quote.js";
import { FILE } from "./faults.js";
import { isKind, type PickleDict, type PickleValue } from "./values.js";

/** A dict of tensors, and the keys that lead to it from the file's own dict. */
export interface FoundDict {
  readonly dict: PickleDict;
  readonly keys: readonly string[];
}

/** Dicts in dicts that are looked into; training scripts nest once or twice. */
const MAX_DEPTH = 3;

/** What belongs to an optimizer: one with tensors by their names looks like a state dict. */
const OPTIMIZER = /optim/i;

/**
 * Finds the state dict in what a file holds: mostly the whole of it, in a training checkpoint the only dict of weights
 * beside numbers, texts and an optimizer's state (`{"state_dict": …, "epoch": 3}`).
 * @throws PickleError where several could be meant
 */
export function findStateDict(root: PickleDict): FoundDict {
  // A hostile file can name one large dict many times; each is looked into once.
  const seen = new Set<PickleValue>([root]);
  const inner = dictsIn(root, [], seen);
  if (inner.length === 0) return { dict: root, keys: [] };
  const [only] = inner;
  if (inner.length === 1 && only && !holdsWeights(root)) return only;
  throw severalDicts(holdsWeights(root) ? [{ dict: root, keys: [] }, ...inner] : inner);
}

function dictsIn(dict: PickleDict, keys: readonly string[], seen: Set<PickleValue>): FoundDict[] {
  if (keys.length === MAX_DEPTH) return [];
  return [...dict].flatMap(([key, value]): FoundDict[] => {
    if (typeof key !== "string" || OPTIMIZER.test(key)) return [];
    if (!(value instanceof Map) || seen.has(value)) return [];
    seen.add(value);
    const path = [...keys, key];
    return holdsWeights(value) ? [{ dict: value, keys: path }] : dictsIn(value, path, seen);
  });
}

/** Whether a dict has a matrix by a name: a loss, or weights of classes among the settings, are none. */
function holdsWeights(dict: PickleDict): boolean {
  return [...dict].some(
    ([key, value]) =>
      typeof key === "string" &&
      isKind(value, "tensor") &&
      Array.isArray(value.shape) &&
      value.shape.length > 1,
  );
}

function severalDicts(found: readonly FoundDict[]): PickleError {
  const named = found.map(({ dict, keys }) => {
    const count = [...dict.values()].filter((value) => isKind(value, "tensor")).length;
    return `${count} tensor${count === 1 ? "" : "s"} ${keys.length === 0 ? "at its top" : `under ${keys.map(quote).join(" / ")}`}`;
  });
  const one = found.find(({ keys }) => keys.length > 0)?.keys ?? [];
  const path = one.map((key) => `[${pythonText(key)}]`).join("");
  return new PickleError(
    `holds several dicts of weights: ${named.join(", ")}`,
    "Say which one is the model: in a copy of the folder save it alone, as this does for the one under " +
      `${one.map(quote).join(" / ")}, and convert the copy: ` +
      pythonCommand(
        `import torch; d = torch.load(${FILE}, map_location="cpu", weights_only=False)${path}; ` +
          `torch.save({k: v for k, v in d.items() if isinstance(v, torch.Tensor)}, ${FILE})`,
      ),
  );
}
