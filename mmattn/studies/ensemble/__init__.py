"""Averages of several models, with weights that validation tiles decide."""
