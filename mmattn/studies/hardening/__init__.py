"""Standing campaigns: kills, damaged inputs and hostile ones, counted and kept."""

from mmattn.studies.hardening.campaign import Campaign
from mmattn.studies.hardening.fuzz import fuzz
from mmattn.studies.hardening.hostile import attack
from mmattn.studies.hardening.kill import kill
from mmattn.studies.hardening.leaks import watch_memory

__all__ = ['Campaign', 'attack', 'fuzz', 'kill', 'watch_memory']
