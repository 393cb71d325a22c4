"""What a head gets of windows, while it runs: it asks, the model below answers, and what the head makes of
each window's first token is merged where its last module gives it out, before transformers computes a loss of
it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Callable

from torch import Tensor, nn

from .windows_config import merge_of


@dataclass
class Asking:
    """What the class that is running wants of a batch of windows.

    Attributes:
        use, merge: see MERGES.
        reads_tokens: whether it has outputs of all tokens as well, which want no reader.
        merged: what becomes of an output of the head's last module, once windows have been read.
    """

    use: str
    merge: str
    reads_tokens: bool = False
    merged: Callable[[nn.Module, Tensor], Tensor] | None = None


ASKING: ContextVar[Asking | None] = ContextVar("asking", default=None)


def merge_output(module: nn.Module, args: Any, output: Tensor) -> Tensor:
    """A hook of that module."""
    asking = ASKING.get()
    return output if asking is None or asking.merged is None else asking.merged(module, output)


class WindowsModule:
    """Put before a dense model among the bases of its class of windows."""

    first_token_use = "none"
    """What the class makes of a row's first token: a key of MERGES."""

    def __init__(self, config: Any, *args: Any, **kwargs: Any):
        super().__init__(config, *args, **kwargs)
        self._merge()
        self._add_windows()

    def _merge(self) -> str:
        return merge_of(self.config, self.first_token_use, type(self).__name__)


class WindowsHead(WindowsModule):
    """Put before a head of transformers among the bases of its class of windows: the head, over a model of
    windows."""

    windows_model: type[Any]
    merging_module: str | None = None
    """Path of the last module that the first token's state goes through, or that answers come from."""
    reads_tokens = False

    def _add_windows(self) -> None:
        self.windows_model.adopt(self.base_model)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        asking = Asking(self.first_token_use, self._merge(), self.reads_tokens)
        if self.merging_module is not None:
            module = self.get_submodule(self.merging_module)
            # Whoever trains may have put another module there.
            if merge_output not in module._forward_hooks.values():
                module.register_forward_hook(merge_output)
        before = ASKING.set(asking)
        try:
            return super().__call__(*args, **kwargs)
        finally:
            ASKING.reset(before)
