"""LSG MPNet: transformers' MPNet with local, sparse and global attention."""

from __future__ import annotations

from typing import Any

from transformers.models.mpnet import modeling_mpnet as mpnet
from transformers.models.mpnet.configuration_mpnet import MPNetConfig

from .dense_parts import MPNetParts
from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_model import LSGModel, RobertaPositions


class LSGMPNetConfig(LSGConfig, MPNetConfig):
    model_type = "mpnet"


class LSGMPNetModel(MPNetParts, RobertaPositions, LSGModel, mpnet.MPNetModel):
    config_class = LSGMPNetConfig

    def _open_cache(self, past_key_values: Any, use_cache: bool | None) -> None:
        """MPNet generates nothing."""


class LSGMPNetHead(LSGHead):
    config_class = LSGMPNetConfig
    lsg_model = LSGMPNetModel


class LSGMPNetForMaskedLM(LSGMPNetHead, mpnet.MPNetForMaskedLM):
    pass


class LSGMPNetForSequenceClassification(LSGMPNetHead, mpnet.MPNetForSequenceClassification):
    pass


class LSGMPNetForMultipleChoice(LSGMPNetHead, mpnet.MPNetForMultipleChoice):
    pass


class LSGMPNetForTokenClassification(LSGMPNetHead, mpnet.MPNetForTokenClassification):
    pass


class LSGMPNetForQuestionAnswering(LSGMPNetHead, mpnet.MPNetForQuestionAnswering):
    pass
