"""Where references in records lead, how they are shown, and which are followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovrgit.errors import ReferenceUnknown
from sovrgit.lineage.pods.places import locate, refusal, shown_reference

REFERENCE = "9f" * 32
KEY = "k1" + "a2" * 26


def test_a_path_is_the_same_place_from_everywhere(tmp_path: Path) -> None:
    assert locate("../alpha", tmp_path / "beta") == locate(f"file://{tmp_path}/alpha", Path("/")) == f"{tmp_path}/alpha"
    with pytest.raises(ReferenceUnknown):
        locate("what:ever", tmp_path)


@pytest.mark.parametrize("form", ["{}", "fairos:{}", "fairos+https://host:9090/{}", "{}#" + KEY, "fairos:{}#" + KEY])
def test_what_leads_to_a_pod_and_what_opens_it_is_never_shown(form: str, tmp_path: Path) -> None:
    reference = form.format(REFERENCE)
    for shown in (locate(reference, tmp_path), shown_reference(reference), shown_reference(f"x {reference} y")):
        assert REFERENCE not in shown and KEY not in shown
    # It is the same place, whatever it was written with.
    assert locate(reference, tmp_path) == shown_reference(reference)


def test_a_password_in_an_address_is_not_shown() -> None:
    assert "secret" not in shown_reference("fairos+https://ada:secret@host/pod")
    assert "secret" not in shown_reference("https://ada:secret@host/pod")


FAR = "fairos+https://far:9090/pod"


@pytest.mark.parametrize(
    ("location", "holder", "servers", "refused"),
    [
        ("/home/ada/pod", None, set(), False),
        ("/home/ada/pod", "/home/ada/other", set(), False),
        ("/home/ada/pod", "fairos:pod", set(), True),
        ("/home/ada/pod", FAR, {"https://far:9090"}, True),
        ("fairos:pod", None, set(), False),
        ("fairos:pod", FAR, set(), False),
        (FAR, None, set(), True),
        (FAR, "/home/ada/other", set(), True),
        (FAR, None, {"https://far:9090"}, False),
        (FAR, "fairos+https://far:9090/other", set(), False),
        (FAR, "fairos+https://further:9090/other", {"https://near"}, True),
    ],
)
def test_what_a_record_may_lead_to(location: str, holder: str | None, servers: set[str], refused: bool) -> None:
    assert bool(refusal(location, holder, frozenset(servers))) is refused
