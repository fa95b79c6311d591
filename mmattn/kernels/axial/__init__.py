"""Axial attention: lines of a map in pieces, and the batch-normalised similarities on them."""
