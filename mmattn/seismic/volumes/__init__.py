"""Volumes: arrays and their amplitudes, blocks of lines, pictures of slices."""
