"""Criss-cross attention as one operator: its layer, its loops for a CPU and its Triton kernels for GPUs."""
