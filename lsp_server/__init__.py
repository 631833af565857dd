"""Unmask: local code completion by diffusion, as a language server.

Data goes one way: ``server`` wires, ``completion`` knows spans and text, ``diffusion`` knows
canvases and logits, ``models`` knows tensors. No data leaves the machine.
"""

import os

__version__ = "0.1.0"

# How often torch's OpenMP threads poll for work before they sleep; read when torch is imported. The
# default of 300,000 is no faster, and two to three times slower while another program is running.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
