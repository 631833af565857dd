"""Shared fixtures: the embedded model, loaded once, for tests marked ``model``."""

from __future__ import annotations

import pytest
from hypothesis import settings as hypothesis_settings

from lsp_server.models import loader
from lsp_server.models.embedded import download
from lsp_server.models.embedded.model import EmbeddedModel
from lsp_server.settings import Settings

hypothesis_settings.register_profile("unmask", deadline=None)  # the machine may be busy
hypothesis_settings.load_profile("unmask")


@pytest.fixture(scope="session")
def embedded() -> EmbeddedModel:
    """The embedded model in this machine's default precision."""
    assert download.present(), "the model is missing: run 'unmask model fetch'"
    return _load(Settings())


@pytest.fixture(scope="session")
def embedded_torch() -> EmbeddedModel:
    """The embedded model in int8 on torch."""
    assert download.present(), "the model is missing: run 'unmask model fetch'"
    return _load(Settings(runtime="torch", precision="int8"))


@pytest.fixture(scope="session")
def embedded_fp32() -> EmbeddedModel:
    """The embedded model in fp32."""
    assert download.present(), "the model is missing: run 'unmask model fetch'"
    return _load(Settings(precision="fp32"))


def _load(settings: Settings) -> EmbeddedModel:
    model = loader.load(settings)
    assert isinstance(model, EmbeddedModel)
    return model
