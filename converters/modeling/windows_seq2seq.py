"""What the models of windows with a decoder share. Their encoder's output is put together from its windows,
and the decoder, its cache and generate() are transformers'. Where the decoder reads the encoder's own input,
encoder and decoder run on each window.

Shapes: b rows, n columns, s windows of all rows, l places of a window.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqModelOutput

from .windows_encoder import WindowsEncoder
from .windows_merge import ASKING, Asking
from .windows_plan import Windows


class WindowsSeq2SeqEncoder(WindowsEncoder):
    """Put before a type's dense encoder among the bases of its encoder of windows, it gives it its forward
    pass."""

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """What transformers' encoder takes and returns, up to window_size columns without any change; beyond
        as WindowsModel.

        Args:
            input_ids: (b, n).
            attention_mask: (b, n); 0 hides a token.
            inputs_embeds: (b, n, d_model), in place of input_ids.

        Returns: last_hidden_state and each of hidden_states: (b, n, d_model).
        """
        inputs = dict(input_ids=input_ids, inputs_embeds=inputs_embeds)
        given = dict(output_hidden_states=output_hidden_states, return_dict=return_dict, **kwargs)
        given = {name: value for name, value in given.items() if value is not None}
        if not self._is_beyond(**inputs):
            return super().forward(**inputs, attention_mask=attention_mask, **given)

        self._refuse_beyond(**kwargs)
        windows = self._plan(input_ids, attention_mask, inputs_embeds, input_ids, None)
        inputs = {name: None if x is None else windows.gather(x) for name, x in inputs.items()}
        output = super().forward(
            **inputs, attention_mask=windows.visible.long(), **given | {"return_dict": True}
        )
        every_hidden = output.hidden_states
        if every_hidden is not None:
            every_hidden = tuple(_columns(windows, hidden) for hidden in every_hidden)
        last = _columns(windows, output.last_hidden_state)
        output = BaseModelOutput(last_hidden_state=last, hidden_states=every_hidden)
        return output if self.config.return_dict and return_dict is not False else output.to_tuple()


def _columns(windows: Windows, hidden: Tensor) -> Tensor:
    """(s, l, d_model) → (b, n, d_model)."""
    return windows.with_first(windows.stitch(hidden), windows.merge(hidden[:, 0], "mean"))


class WindowsSeq2SeqModel(WindowsEncoder):
    """Put before a type's dense model among the bases of its model of windows."""

    windows_encoder: type[WindowsSeq2SeqEncoder]

    def _add_windows(self) -> None:
        super()._add_windows()
        self.windows_encoder.adopt(self.encoder)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        *,
        encoder_outputs: Any = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """What transformers' model takes and returns.

        Raises ValueError beyond window_size where the decoder is given nothing, as it reads no more tokens
        than a
            window has; and where it is given something by a class whose decoder reads the encoder's input.
        """
        decoding = dict(
            decoder_input_ids=decoder_input_ids,
            decoder_attention_mask=decoder_attention_mask,
            decoder_inputs_embeds=decoder_inputs_embeds,
        )
        asking = ASKING.get()
        if encoder_outputs is None and self._is_beyond(input_ids, inputs_embeds):
            if asking is not None and asking.use != "none":
                self._refuse_beyond(inputs_embeds=inputs_embeds, **decoding, **kwargs)
                return self._run_windows(input_ids, attention_mask, asking, kwargs)
            if decoder_input_ids is None and decoder_inputs_embeds is None:
                raise ValueError(
                    f"Give decoder_input_ids: the decoder can't read the input's tokens, "
                    f"which are more than {self.config.window_size}"
                )
        return super().forward(
            input_ids=input_ids,
            attention_mask=attention_mask,
            encoder_outputs=encoder_outputs,
            inputs_embeds=inputs_embeds,
            **{name: value for name, value in decoding.items() if value is not None},
            **kwargs,
        )

    def _run_windows(
        self, input_ids: Tensor, attention_mask: Tensor | None, asking: Asking, options: dict[str, Any]
    ) -> Any:
        """Encoder and decoder on each window, the decoder on the window's own ids."""
        windows = self._plan(input_ids, attention_mask, None, input_ids, None)
        ids = windows.gather(input_ids)
        # mBART's decoder begins with the last of the ids that are no padding.
        ids = ids.masked_fill(~windows.is_real, self.config.pad_token_id)
        returns_all = options.get("output_hidden_states") or self.config.output_hidden_states
        output = super().forward(
            input_ids=ids,
            attention_mask=windows.visible.long(),
            use_cache=False,
            output_hidden_states=returns_all,
            return_dict=True,
        )
        last = output.last_hidden_state
        place = torch.arange(last.shape[1], device=last.device)
        is_end = (ids == self.config.eos_token_id) & windows.is_real
        ends = last[torch.arange(len(last)), torch.where(is_end, place, 0).amax(1)]
        if asking.use == "answers":
            asking.merged = lambda module, answers: windows.with_first(
                answers, windows.merge(module.forward(last[:, 0]), "least")
            )
        else:
            asking.merged = lambda module, logits: windows.merge(module.forward(ends), asking.merge)
        stitched = Seq2SeqModelOutput(
            last_hidden_state=windows.stitch(last),
            decoder_hidden_states=_stitch_all(windows, output.decoder_hidden_states),
            encoder_last_hidden_state=windows.stitch(output.encoder_last_hidden_state),
            encoder_hidden_states=_stitch_all(windows, output.encoder_hidden_states),
        )
        return_dict = options.get("return_dict")
        return stitched if self.config.return_dict and return_dict is not False else stitched.to_tuple()


def _stitch_all(windows: Windows, every: tuple[Tensor, ...] | None) -> tuple[Tensor, ...] | None:
    return None if every is None else tuple(windows.stitch(hidden) for hidden in every)
