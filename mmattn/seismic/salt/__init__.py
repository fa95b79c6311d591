"""Salt in tiles and volumes: clean-up of bodies, reports, overlays."""
