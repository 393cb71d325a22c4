"""LSG ELECTRA: transformers' ELECTRA with local, sparse and global attention."""

from transformers.models.electra import modeling_electra as electra
from transformers.models.electra.configuration_electra import ElectraConfig

from .dense_parts import ElectraParts
from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_model import LSGModel


class LSGElectraConfig(LSGConfig, ElectraConfig):
    model_type = "electra"


class LSGElectraModel(ElectraParts, LSGModel, electra.ElectraModel):
    config_class = LSGElectraConfig


class LSGElectraPreTrainedModel(electra.ElectraPreTrainedModel):
    """The ColBERT library puts its class over this one, and finds it by its name."""

    config_class = LSGElectraConfig


class LSGElectraHead(LSGHead):
    config_class = LSGElectraConfig
    lsg_model = LSGElectraModel


class LSGElectraForPreTraining(LSGElectraHead, electra.ElectraForPreTraining):
    pass


class LSGElectraForCausalLM(Generation, LSGElectraHead, electra.ElectraForCausalLM):
    pass


class LSGElectraForMaskedLM(LSGElectraHead, electra.ElectraForMaskedLM):
    pass


class LSGElectraForSequenceClassification(LSGElectraHead, electra.ElectraForSequenceClassification):
    pass


class LSGElectraForMultipleChoice(LSGElectraHead, electra.ElectraForMultipleChoice):
    pass


class LSGElectraForTokenClassification(LSGElectraHead, electra.ElectraForTokenClassification):
    pass


class LSGElectraForQuestionAnswering(LSGElectraHead, electra.ElectraForQuestionAnswering):
    pass
