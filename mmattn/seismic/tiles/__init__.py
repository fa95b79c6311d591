"""Tiles: the TGS survey, archives, mosaics and folds, run lengths, statistics."""
