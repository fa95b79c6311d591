"""Pieces of key patterns that several sources share."""

BN = '(weight|bias|running_mean|running_var|num_batches_tracked)'
QKV = r'(query|key|value)_conv\.(weight|bias)'
