"""LSG BERT: transformers' BERT with local, sparse and global attention."""

from transformers.models.bert import modeling_bert as bert
from transformers.models.bert.configuration_bert import BertConfig

from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_model import LSGModel


class LSGBertConfig(LSGConfig, BertConfig):
    model_type = "bert"


class LSGBertModel(LSGModel, bert.BertModel):
    config_class = LSGBertConfig


class LSGBertPreTrainedModel(bert.BertPreTrainedModel):
    """The ColBERT library puts its class over this one, and finds it by its name."""

    config_class = LSGBertConfig


class LSGBertHead(LSGHead):
    config_class = LSGBertConfig
    lsg_model = LSGBertModel


class LSGBertForPreTraining(LSGBertHead, bert.BertForPreTraining):
    pass


class LSGBertLMHeadModel(Generation, LSGBertHead, bert.BertLMHeadModel):
    pass


class LSGBertForMaskedLM(LSGBertHead, bert.BertForMaskedLM):
    pass


class LSGBertForNextSentencePrediction(LSGBertHead, bert.BertForNextSentencePrediction):
    pass


class LSGBertForSequenceClassification(LSGBertHead, bert.BertForSequenceClassification):
    pass


class LSGBertForMultipleChoice(LSGBertHead, bert.BertForMultipleChoice):
    pass


class LSGBertForTokenClassification(LSGBertHead, bert.BertForTokenClassification):
    pass


class LSGBertForQuestionAnswering(LSGBertHead, bert.BertForQuestionAnswering):
    pass
