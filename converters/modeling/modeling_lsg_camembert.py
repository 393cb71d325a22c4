"""LSG CamemBERT: transformers' CamemBERT with local, sparse and global attention."""

from transformers.models.camembert import modeling_camembert as camembert
from transformers.models.camembert.configuration_camembert import CamembertConfig

from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_model import LSGModel, RobertaPositions


class LSGCamembertConfig(LSGConfig, CamembertConfig):
    model_type = "camembert"


class LSGCamembertModel(RobertaPositions, LSGModel, camembert.CamembertModel):
    config_class = LSGCamembertConfig


class LSGCamembertHead(LSGHead):
    config_class = LSGCamembertConfig
    lsg_model = LSGCamembertModel


class LSGCamembertForCausalLM(Generation, LSGCamembertHead, camembert.CamembertForCausalLM):
    pass


class LSGCamembertForMaskedLM(LSGCamembertHead, camembert.CamembertForMaskedLM):
    pass


class LSGCamembertForSequenceClassification(LSGCamembertHead, camembert.CamembertForSequenceClassification):
    pass


class LSGCamembertForMultipleChoice(LSGCamembertHead, camembert.CamembertForMultipleChoice):
    pass


class LSGCamembertForTokenClassification(LSGCamembertHead, camembert.CamembertForTokenClassification):
    pass


class LSGCamembertForQuestionAnswering(LSGCamembertHead, camembert.CamembertForQuestionAnswering):
    pass
