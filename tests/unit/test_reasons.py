"""Every rule's id has its sentence."""

from lsp_server.completion import gate, postprocess
from lsp_server.completion.reasons import REASONS


def test_every_rule_is_explained() -> None:
    rules = {identity for identity, _ in gate.ALWAYS + gate.AUTOMATIC}
    rules |= {identity for identity, _ in postprocess.COMPLETION + postprocess.REGION}
    assert rules - set(REASONS) <= {"C3", "C4", "C5", "S2"}, "these never drop a text"


def test_rules_are_documented_under_their_ids() -> None:
    for identity, rule in (
        gate.ALWAYS + gate.AUTOMATIC + postprocess.COMPLETION + postprocess.REGION
    ):
        assert identity in str(rule.__doc__).split(":")[0].replace(",", "").split()
