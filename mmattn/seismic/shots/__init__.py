"""Shot gathers over a 2-D line: their geometry, and files of gathers and velocity models."""

from mmattn.seismic.shots.acquisition import Acquisition, ricker
from mmattn.seismic.shots.files import read_shots, read_velocity, write_velocity

__all__ = ['Acquisition', 'read_shots', 'read_velocity', 'ricker', 'write_velocity']
