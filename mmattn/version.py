"""The version of mmattn, in one place."""

__version__ = '0.2.0'
