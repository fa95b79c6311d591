"""A built-in seismic survey with salt: sections and volumes made from a seed, with the exact label.

See docs/synthetic.md for what is in them and how they compare with the TGS tiles.
"""

from mmattn.seismic.synthetic.export import write_tgs_folder
from mmattn.seismic.synthetic.section import SyntheticSection, SyntheticSurvey
from mmattn.seismic.synthetic.volume import iterate_inlines, make_volume

__all__ = ['SyntheticSection', 'SyntheticSurvey', 'iterate_inlines', 'make_volume', 'write_tgs_folder']
