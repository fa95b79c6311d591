"""What layers and networks cost: parameters, multiply-adds, time and memory, and the tables of the docs."""
