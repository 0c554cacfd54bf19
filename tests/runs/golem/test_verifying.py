"""Verifying runs on a devnet: by other providers than before, where that can be had."""

from __future__ import annotations

from pathlib import Path

import pytest
from golem_pod import GolemPod
from job_lab import IMAGE, needs_yapapi

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.errors import ProvidersTooFew
from sovrgit.objects.receipts import summary_of
from sovrgit.objects.run import Run
from sovrgit.objects.verdict import Finding
from sovrgit.pod.refs import VERDICTS


def providers(run: Run) -> set[str]:
    summary = summary_of(run.golem)
    assert summary is not None
    return {provider.id for provider in summary.providers}


@needs_yapapi
def test_a_declared_job_goes_to_others_than_before(lab: GolemPod) -> None:
    lab.declare("echo it > output/it", image=IMAGE)
    first = lab.run()
    (before,) = providers(first.run)
    done = lab.verify(first.id, providers=3)
    assert done.confirmed and done.wanted == 3
    # There are three, and one of them has computed the run itself. What there is counts all the same.
    assert done.short.endswith("all 3 providers that offered have computed it before")
    seen = [providers(one.repeated.run) for one in done.verified]
    assert len(seen) == 2 and len({before}.union(*seen)) == 3
    assert {one.id for one in done.before} == {before} and {one.id for one in done.providers} == set.union(*seen)
    assert [one.verdict.finding for one in done.verified] == [Finding.IDENTICAL] * 2
    assert not done.script_chose and lab.nothing_is_open()


@needs_yapapi
def test_when_there_are_no_others_it_is_said(lab: GolemPod, tmp_path: Path) -> None:
    lab.declare("echo it > output/it", image=IMAGE)
    with GolemStandIn(tmp_path / "one", providers=1, namespaces=False) as alone:
        lab = GolemPod(lab.pod, alone)
        first = lab.run()
        with pytest.raises(ProvidersTooFew) as error:
            lab.verify(first.id, providers=1)
        assert error.value.exit_code == 17 and error.value.fields["found"] == 0
        assert error.value.message.endswith("the only provider that offered has computed it before)")
        assert not any(name.startswith(VERDICTS) for name in lab.pod.refs.read().values)
        # Where no number is asked for, the same one may do it again.
        again = lab.verify(first.id)
        assert again.confirmed and providers(again.repeated.run) == providers(first.run)
        assert (again.providers, again.wanted, again.short) == ((), None, "")


def test_a_script_chooses_for_itself(lab: GolemPod) -> None:
    lab.script("allocation = allocate(); leave(); call('DELETE', '/payment-api/v1/allocations/' + allocation)")
    done = lab.verify(lab.run().id, providers=2)
    assert done.confirmed and done.script_chose and len(done.verified) == 2
    assert done.short == "2 repeats had no more; its script chooses them"
