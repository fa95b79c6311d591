"""What every package may use: checks of options, whole-file writing, errors, near names; NumPy at most."""
