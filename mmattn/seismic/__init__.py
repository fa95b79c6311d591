"""Seismic images and salt masks without any network: run lengths, TGS folders, mosaics, folds.

NumPy, SciPy, scikit-image, Matplotlib and Pillow only; neither torch nor MMSegmentation. Import from the modules, e.g.
``from mmattn.seismic.rle import encode_rle``.
"""
