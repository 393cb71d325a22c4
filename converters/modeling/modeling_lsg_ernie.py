"""LSG ERNIE: transformers' ERNIE with local, sparse and global attention."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.models.ernie import modeling_ernie as ernie
from transformers.models.ernie.configuration_ernie import ErnieConfig

from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_model import LSGModel


class LSGErnieConfig(LSGConfig, ErnieConfig):
    model_type = "ernie"


class LSGErnieModel(LSGModel, ernie.ErnieModel):
    config_class = LSGErnieConfig

    def _add_types(self, hidden: Tensor, token_type_ids: Tensor | None, others: dict[str, Any]) -> Tensor:
        hidden = super()._add_types(hidden, token_type_ids, others)
        table = getattr(self.embeddings, "task_type_embeddings", None)
        return self._add_type(hidden, others.get("task_type_ids"), table)


class LSGErnieHead(LSGHead):
    config_class = LSGErnieConfig
    lsg_model = LSGErnieModel


class LSGErnieForPreTraining(LSGErnieHead, ernie.ErnieForPreTraining):
    pass


class LSGErnieForCausalLM(Generation, LSGErnieHead, ernie.ErnieForCausalLM):
    pass


class LSGErnieForMaskedLM(LSGErnieHead, ernie.ErnieForMaskedLM):
    pass


class LSGErnieForNextSentencePrediction(LSGErnieHead, ernie.ErnieForNextSentencePrediction):
    pass


class LSGErnieForSequenceClassification(LSGErnieHead, ernie.ErnieForSequenceClassification):
    pass


class LSGErnieForMultipleChoice(LSGErnieHead, ernie.ErnieForMultipleChoice):
    pass


class LSGErnieForTokenClassification(LSGErnieHead, ernie.ErnieForTokenClassification):
    pass


class LSGErnieForQuestionAnswering(LSGErnieHead, ernie.ErnieForQuestionAnswering):
    pass
