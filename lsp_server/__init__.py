"""Unmask: local code completion by diffusion, as a language server.

Data goes one way: ``server`` wires, ``completion`` knows spans and text, ``diffusion`` knows
canvases and logits, ``models`` knows tensors. Nothing leaves the machine.
"""

import os

__version__ = "0.1.0"

# How often torch's threads look for work before they sleep; read when torch is imported. OpenMP's
# own 300,000 is no faster alone and, where another program wants a core, two to three times slower.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
