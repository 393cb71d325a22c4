"""LSG XLM-RoBERTa-XL: transformers' XLM-RoBERTa-XL with local, sparse and global attention."""

from transformers.models.xlm_roberta_xl import modeling_xlm_roberta_xl as xlm_roberta_xl
from transformers.models.xlm_roberta_xl.configuration_xlm_roberta_xl import XLMRobertaXLConfig

from .dense_parts import XLMRobertaXLParts
from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_model import LSGModel, RobertaPositions


class LSGXLMRobertaXLConfig(LSGConfig, XLMRobertaXLConfig):
    model_type = "xlm-roberta-xl"


class LSGXLMRobertaXLModel(XLMRobertaXLParts, RobertaPositions, LSGModel, xlm_roberta_xl.XLMRobertaXLModel):
    config_class = LSGXLMRobertaXLConfig


class LSGXLMRobertaXLHead(LSGHead):
    config_class = LSGXLMRobertaXLConfig
    lsg_model = LSGXLMRobertaXLModel


class LSGXLMRobertaXLForCausalLM(Generation, LSGXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForCausalLM):
    pass


class LSGXLMRobertaXLForMaskedLM(LSGXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForMaskedLM):
    pass


class LSGXLMRobertaXLForSequenceClassification(
    LSGXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForSequenceClassification
):
    pass


class LSGXLMRobertaXLForMultipleChoice(LSGXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForMultipleChoice):
    pass


class LSGXLMRobertaXLForTokenClassification(
    LSGXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForTokenClassification
):
    pass


class LSGXLMRobertaXLForQuestionAnswering(
    LSGXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForQuestionAnswering
):
    pass
