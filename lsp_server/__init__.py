"""Unmask: local code completion by diffusion, as a language server.

Data goes one way: ``server`` wires, ``completion`` knows spans and text, ``diffusion`` knows
canvases and logits, ``models`` knows tensors. Nothing leaves the machine.
"""

__version__ = "0.1.0"
