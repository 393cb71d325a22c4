"""LSG RoBERTa: transformers' RoBERTa with local, sparse and global attention."""

from transformers.models.roberta import modeling_roberta as roberta
from transformers.models.roberta.configuration_roberta import RobertaConfig

from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_model import LSGModel, RobertaPositions


class LSGRobertaConfig(LSGConfig, RobertaConfig):
    model_type = "roberta"


class LSGRobertaModel(RobertaPositions, LSGModel, roberta.RobertaModel):
    config_class = LSGRobertaConfig


class LSGRobertaPreTrainedModel(roberta.RobertaPreTrainedModel):
    """The ColBERT library puts its class over this one, and finds it by its name."""

    config_class = LSGRobertaConfig


class LSGRobertaHead(LSGHead):
    config_class = LSGRobertaConfig
    lsg_model = LSGRobertaModel


class LSGRobertaForCausalLM(Generation, LSGRobertaHead, roberta.RobertaForCausalLM):
    pass


class LSGRobertaForMaskedLM(LSGRobertaHead, roberta.RobertaForMaskedLM):
    pass


class LSGRobertaForSequenceClassification(LSGRobertaHead, roberta.RobertaForSequenceClassification):
    pass


class LSGRobertaForMultipleChoice(LSGRobertaHead, roberta.RobertaForMultipleChoice):
    pass


class LSGRobertaForTokenClassification(LSGRobertaHead, roberta.RobertaForTokenClassification):
    pass


class LSGRobertaForQuestionAnswering(LSGRobertaHead, roberta.RobertaForQuestionAnswering):
    pass
