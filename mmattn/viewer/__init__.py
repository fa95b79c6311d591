"""A page in the browser that shows sections of a survey with the probability of salt and labels over them.

What it shows comes from functions on NumPy arrays (``survey``, ``sections``, ``lines``, ``colours``, ``outlines``,
``read_out``); ``page`` puts it into a page of Panel and Bokeh, and ``server`` serves that page. These two need
``pip install 'mmattn[view]'``.
"""
