"""LSG data2vec-text: transformers' data2vec-text with local, sparse and global attention."""

from transformers.models.data2vec import modeling_data2vec_text as data2vec_text
from transformers.models.data2vec.configuration_data2vec_text import Data2VecTextConfig

from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_model import LSGModel, RobertaPositions


class LSGData2VecTextConfig(LSGConfig, Data2VecTextConfig):
    model_type = "data2vec-text"


class LSGData2VecTextModel(RobertaPositions, LSGModel, data2vec_text.Data2VecTextModel):
    config_class = LSGData2VecTextConfig


class LSGData2VecTextHead(LSGHead):
    config_class = LSGData2VecTextConfig
    lsg_model = LSGData2VecTextModel


class LSGData2VecTextForCausalLM(Generation, LSGData2VecTextHead, data2vec_text.Data2VecTextForCausalLM):
    pass


class LSGData2VecTextForMaskedLM(LSGData2VecTextHead, data2vec_text.Data2VecTextForMaskedLM):
    pass


class LSGData2VecTextForSequenceClassification(
    LSGData2VecTextHead, data2vec_text.Data2VecTextForSequenceClassification
):
    pass


class LSGData2VecTextForMultipleChoice(LSGData2VecTextHead, data2vec_text.Data2VecTextForMultipleChoice):
    pass


class LSGData2VecTextForTokenClassification(
    LSGData2VecTextHead, data2vec_text.Data2VecTextForTokenClassification
):
    pass


class LSGData2VecTextForQuestionAnswering(
    LSGData2VecTextHead, data2vec_text.Data2VecTextForQuestionAnswering
):
    pass
