"""MMSegmentation components built from the attention layers; importing this registers them."""

from mmattn.models import backbones, decode_heads, layers, losses, necks, segmentors
from mmattn.models.preprocessing.data_preprocessor import SaltDataPreProcessor
from mmattn.models.preprocessing.section_augmentation import SectionAugmentation

__all__ = [
    'SaltDataPreProcessor',
    'SectionAugmentation',
    'backbones',
    'decode_heads',
    'layers',
    'losses',
    'necks',
    'segmentors',
]
