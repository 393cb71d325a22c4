"""LSG RemBERT: transformers' RemBERT with local, sparse and global attention."""

from transformers.models.rembert import modeling_rembert as rembert
from transformers.models.rembert.configuration_rembert import RemBertConfig

from .dense_parts import RemBertParts
from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_model import LSGModel


class LSGRemBertConfig(LSGConfig, RemBertConfig):
    model_type = "rembert"


class LSGRemBertModel(RemBertParts, LSGModel, rembert.RemBertModel):
    config_class = LSGRemBertConfig


class LSGRemBertHead(LSGHead):
    config_class = LSGRemBertConfig
    lsg_model = LSGRemBertModel


class LSGRemBertForMaskedLM(LSGRemBertHead, rembert.RemBertForMaskedLM):
    pass


class LSGRemBertForCausalLM(Generation, LSGRemBertHead, rembert.RemBertForCausalLM):
    pass


class LSGRemBertForSequenceClassification(LSGRemBertHead, rembert.RemBertForSequenceClassification):
    pass


class LSGRemBertForMultipleChoice(LSGRemBertHead, rembert.RemBertForMultipleChoice):
    pass


class LSGRemBertForTokenClassification(LSGRemBertHead, rembert.RemBertForTokenClassification):
    pass


class LSGRemBertForQuestionAnswering(LSGRemBertHead, rembert.RemBertForQuestionAnswering):
    pass
