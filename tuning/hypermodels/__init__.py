"""KerasTuner HyperModels, one family a file; importing this loads TensorFlow."""

from .base import SequenceHyperModel, family_model, space_of
from .classifier import Classifier
from .forecaster import Forecaster
from .language import LanguageModel
from .seq2seq import EncoderDecoder
from .tagger import Tagger

__all__ = [
    "Classifier",
    "EncoderDecoder",
    "Forecaster",
    "LanguageModel",
    "SequenceHyperModel",
    "Tagger",
    "family_model",
    "space_of",
]
