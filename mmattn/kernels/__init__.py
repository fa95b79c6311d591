"""Engines of the attention operators, fast or lean or both; the mathematics is in ``mmattn.attention``."""
