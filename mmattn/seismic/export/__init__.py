"""Predicted salt for interpretation systems: top and base as horizons, bodies as closed meshes, polygons, tables."""
