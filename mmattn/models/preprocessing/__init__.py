"""What happens to batches before a network sees them: scaling, padding, augmentation on the device."""
