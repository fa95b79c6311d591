"""A built-in seismic survey with salt: sections and volumes made from a seed, with the exact label."""

from mmattn.seismic.synthetic.section import SyntheticSection, SyntheticSurvey

__all__ = ['SyntheticSection', 'SyntheticSurvey']
