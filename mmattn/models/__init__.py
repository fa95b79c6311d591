"""MMSegmentation components built from the attention layers; importing this registers them."""

from mmattn.models import attention_maps, backbones, decode_heads, layers, losses, necks, segmentors
from mmattn.models.preprocessing.data_preprocessor import SaltDataPreProcessor
from mmattn.models.preprocessing.section_augmentation import SectionAugmentation
from mmattn.models.preprocessing.shot_preprocessor import ShotDataPreProcessor

__all__ = [
    'SaltDataPreProcessor',
    'SectionAugmentation',
    'ShotDataPreProcessor',
    'attention_maps',
    'backbones',
    'decode_heads',
    'layers',
    'losses',
    'necks',
    'segmentors',
]
