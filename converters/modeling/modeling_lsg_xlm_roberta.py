"""LSG XLM-RoBERTa: transformers' XLM-RoBERTa with local, sparse and global attention."""

from transformers.models.xlm_roberta import modeling_xlm_roberta as xlm_roberta
from transformers.models.xlm_roberta.configuration_xlm_roberta import XLMRobertaConfig

from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_model import LSGModel, RobertaPositions


class LSGXLMRobertaConfig(LSGConfig, XLMRobertaConfig):
    model_type = "xlm-roberta"


class LSGXLMRobertaModel(RobertaPositions, LSGModel, xlm_roberta.XLMRobertaModel):
    config_class = LSGXLMRobertaConfig


class LSGXLMRobertaPreTrainedModel(xlm_roberta.XLMRobertaPreTrainedModel):
    """The ColBERT library puts its class over this one, and finds it by its name."""

    config_class = LSGXLMRobertaConfig


class LSGXLMRobertaHead(LSGHead):
    config_class = LSGXLMRobertaConfig
    lsg_model = LSGXLMRobertaModel


class LSGXLMRobertaForCausalLM(Generation, LSGXLMRobertaHead, xlm_roberta.XLMRobertaForCausalLM):
    pass


class LSGXLMRobertaForMaskedLM(LSGXLMRobertaHead, xlm_roberta.XLMRobertaForMaskedLM):
    pass


class LSGXLMRobertaForSequenceClassification(
    LSGXLMRobertaHead, xlm_roberta.XLMRobertaForSequenceClassification
):
    pass


class LSGXLMRobertaForMultipleChoice(LSGXLMRobertaHead, xlm_roberta.XLMRobertaForMultipleChoice):
    pass


class LSGXLMRobertaForTokenClassification(LSGXLMRobertaHead, xlm_roberta.XLMRobertaForTokenClassification):
    pass


class LSGXLMRobertaForQuestionAnswering(LSGXLMRobertaHead, xlm_roberta.XLMRobertaForQuestionAnswering):
    pass
