"""Building blocks that backbones and decode heads share."""
