"""LSG DistilBERT: transformers' DistilBERT with local, sparse and global attention."""

from transformers.models.distilbert import modeling_distilbert as distilbert
from transformers.models.distilbert.configuration_distilbert import DistilBertConfig

from .dense_parts import DistilBertParts
from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_model import LSGModel


class LSGDistilBertConfig(LSGConfig, DistilBertConfig):
    model_type = "distilbert"


class LSGDistilBertModel(DistilBertParts, LSGModel, distilbert.DistilBertModel):
    config_class = LSGDistilBertConfig


class LSGDistilBertHead(LSGHead):
    config_class = LSGDistilBertConfig
    lsg_model = LSGDistilBertModel


class LSGDistilBertForMaskedLM(LSGDistilBertHead, distilbert.DistilBertForMaskedLM):
    pass


class LSGDistilBertForSequenceClassification(
    LSGDistilBertHead, distilbert.DistilBertForSequenceClassification
):
    pass


class LSGDistilBertForMultipleChoice(LSGDistilBertHead, distilbert.DistilBertForMultipleChoice):
    pass


class LSGDistilBertForTokenClassification(LSGDistilBertHead, distilbert.DistilBertForTokenClassification):
    pass


class LSGDistilBertForQuestionAnswering(LSGDistilBertHead, distilbert.DistilBertForQuestionAnswering):
    pass
