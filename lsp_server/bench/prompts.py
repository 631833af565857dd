"""The ten prompts of ``bench structure``: the four categories of the published table, and one more.

Written after the descriptions in "Diffusion LLMs are Faster at Writing Code" (Nathan Barry,
December 2025), which prompted a chat model. The embedded model's base was tuned on instructions,
too, but is run in its fill-in-the-middle layout here, as everywhere in Unmask: the instruction is
plain text. The only criterion for the wordings was that texts of 256 tokens do not end in a loop,
as greedy texts of small models often do; the speeds seen meanwhile were not considered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Category = Literal["trivial", "code", "structured", "prose", "memorised"]

PUBLISHED: dict[Category, float] = {
    "trivial": 108.41,
    "code": 72.14,
    "structured": 53.86,
    "prose": 31.01,
    "memorised": 34.74,  # reported apart from the four categories, there and here
}
"""Tokens per second of the published table (Fast-dLLM v2 on A100)."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, and its category."""

    name: str
    category: Category
    instruction: str

    @property
    def text(self) -> str:
        """The beginning of the text, which the model continues."""
        return f"### Instruction\n{self.instruction}\n\n### Response\n"


PROMPTS: tuple[Prompt, ...] = (
    Prompt(
        "repeat a word",
        "trivial",
        'Repeat the word "grape" three hundred times, separated by spaces, and write nothing else.',
    ),
    Prompt(
        "permutations",
        "code",
        "Write a Python function that returns all permutations of a list, first recursively, "
        "then iteratively, with docstrings and tests.",
    ),
    Prompt(
        "binary search tree",
        "code",
        "Write a binary search tree in Python as a class, with insertion, search, deletion and "
        "in-order traversal.",
    ),
    Prompt(
        "bubble sort",
        "code",
        "Write bubble sort in Python: a version that stops early, a version that counts its "
        "swaps, and tests for both.",
    ),
    Prompt(
        "JSON schema",
        "structured",
        "Write a JSON schema for an order in a shop: number, customer with name, e-mail and "
        "phone, delivery address with street, city and postcode, items with prices, payment, "
        "status and dates.",
    ),
    Prompt(
        "HTML form",
        "structured",
        "Write an HTML form for registration: name, e-mail, phone, street, city, postcode, "
        "password, date of birth, country, newsletter and terms, each with its label.",
    ),
    Prompt(
        "story",
        "prose",
        "Write a short story, about three hundred words, about a lighthouse keeper who finds a "
        "letter in a bottle. Use dialogue.",
    ),
    Prompt(
        "essay",
        "prose",
        "Write an essay of about four hundred words on why cities need trees.",
    ),
    Prompt(
        "Renaissance",
        "prose",
        "Describe the history of the Renaissance in several paragraphs.",
    ),
    Prompt(
        "Declaration of Independence",
        "memorised",
        "Recite the United States Declaration of Independence from its beginning.",
    ),
)
