"""Search the hyper-parameters of LeNet-style CNNs with Keras Tuner, a whole group of trials at a time."""

__version__ = "0.1.0"
