"""What trains: the reference engine (plain Keras, one model at a time) and the fused engine (a group)."""
