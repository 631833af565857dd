"""Shared fixtures: the embedded model, loaded once, for tests marked ``model``."""

from __future__ import annotations

import pytest

from lsp_server.models import registry, weights
from lsp_server.models.embedded import EmbeddedModel
from lsp_server.settings import Settings


@pytest.fixture(scope="session")
def embedded() -> EmbeddedModel:
    """The embedded model in this machine's default precision."""
    assert weights.present(), "the model is missing: run 'unmask model fetch'"
    return registry.load(Settings())


@pytest.fixture(scope="session")
def embedded_fp32() -> EmbeddedModel:
    """The embedded model in fp32."""
    assert weights.present(), "the model is missing: run 'unmask model fetch'"
    return registry.load(Settings(precision="fp32"))
