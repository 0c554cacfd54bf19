"""Lineage that goes on in other pods."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lineage_lab import Lab, chain, clone_of, count, edge, edges
from pods_lab import new_lab, others_of, pod_nodes, run_with, story, taken

from sovrgit.lineage.down import made_from
from sovrgit.lineage.elsewhere import BY_CONTENT, NO_COMMIT, OTHERWISE
from sovrgit.lineage.graph import Lineage, NodeKind, Relation
from sovrgit.lineage.pods.other import Asking, PodState
from sovrgit.lineage.up import lineage_of_commit
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.outputs import publish_output
from sovrgit.pod.pod import Pod
from sovrgit.remotes.clone import clone
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.locations import add_remote, open_remote
from sovrgit.remotes.reading import decode_manifest
from sovrgit.store.format import PackClass


@pytest.fixture
def alpha(tmp_path: Path) -> Lab:
    return new_lab(tmp_path / "alpha")


@pytest.fixture
def beta(tmp_path: Path, alpha: Lab) -> Lab:
    """A pod that used what `alpha` has made."""
    lab = new_lab(tmp_path / "beta", "fig\n")
    run_with(lab, taken(alpha))
    return lab


def pods_of(lineage: Lineage, kind: NodeKind) -> list[str]:
    """The names of the pods of all nodes of a kind."""
    return [lineage.pods[node.pod].name if node.pod else "" for node in lineage.of_kind(kind)]


def state(lineage: Lineage) -> tuple[PodState, str]:
    (other,) = lineage.pods.values()
    return other.state, other.reason


# --- up -----------------------------------------------------------------------------------------------------------


def test_payload_of_another_pod_has_its_story_there(alpha: Lab, beta: Lab) -> None:
    found = story(beta, "output/copy.txt")
    made = edge(found, Relation.MADE_BY, "output/sorted.txt")
    assert found.nodes[made.source].kind is NodeKind.EXTERNAL
    assert found.nodes[made.target].label == alpha.pod.store.commit(alpha.head()).run.short  # type: ignore[union-attr]
    assert pods_of(found, NodeKind.RUN) == ["", "alpha"] and pods_of(found, NodeKind.EXTERNAL) == ["alpha"]
    assert pods_of(found, NodeKind.COMMIT).count("alpha") == 2
    assert state(found) == (PodState.FETCHED, "") and not found.missing and not pod_nodes(found)


def test_payload_never_comes_here(alpha: Lab, beta: Lab, tmp_path: Path) -> None:
    alpha.write("payload/large.bin", "x" * 100_000)
    alpha.commit()
    run_with(beta, taken(alpha))
    remote = alpha.push(tmp_path / "alpha-remote")
    run_with(beta, taken(alpha, reference=remote.location))
    story(beta, "output/copy.txt")
    with Pod(beta.pod.folder / "lineage") as cache:
        assert cache.store.has(alpha.head())
        assert not cache.store.has(blob_id(b"x" * 100_000))


def test_only_commits_and_records_are_read_there(
    alpha: Lab, beta: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha.write("payload/large.bin", os.urandom(300_000).hex())
    alpha.commit()
    remote = alpha.push(tmp_path / "alpha-remote")
    manifest = decode_manifest(remote, remote.read_manifest())
    assert manifest is not None
    content = {pack.id for pack in manifest.packs if pack.kind is PackClass.CONTENT}
    read: Counter[ObjectId] = Counter()
    get_pack, get_range = DirectoryRemote.get_pack, DirectoryRemote.get_range

    def counted_pack(self: DirectoryRemote, pack: ObjectId, size: int, *arguments: Any) -> None:
        read[pack] += size
        get_pack(self, pack, size, *arguments)

    def counted_range(self: DirectoryRemote, pack: ObjectId, size: int, offset: int, length: int) -> bytes:
        read[pack] += length
        return get_range(self, pack, size, offset, length)

    monkeypatch.setattr(DirectoryRemote, "get_pack", counted_pack)
    monkeypatch.setattr(DirectoryRemote, "get_range", counted_range)
    run_with(beta, taken(alpha, reference=remote.location))
    assert state(story(beta, "output/copy.txt"))[0] is PodState.FETCHED
    metadata = sum(pack.size for pack in manifest.packs if pack.id not in content)
    # Of content, only what stands where in it: the table of contents at the end of a pack.
    assert content and sum(read[pack] for pack in content) < 1000
    assert metadata <= sum(read.values()) < metadata + 1000


def test_what_is_known_is_not_asked_again(alpha: Lab, beta: Lab) -> None:
    first = story(beta, "output/copy.txt")
    shutil.rmtree(alpha.root)
    again = story(beta, "output/copy.txt")
    assert again.nodes == first.nodes and again.edges == first.edges
    assert state(story(beta, "output/copy.txt", Asking.NEVER)) == (PodState.FETCHED, "")


def test_a_pod_that_is_gone_keeps_what_is_known_of_it(alpha: Lab, beta: Lab) -> None:
    story(beta, "output/copy.txt")
    shutil.rmtree(alpha.root)
    found = story(beta, "output/copy.txt", Asking.ALWAYS)
    assert state(found)[0] is PodState.UNREACHABLE and "alpha" in pods_of(found, NodeKind.RUN)
    (node,) = pod_nodes(found)
    assert edge(found, Relation.IN_POD, "output/sorted.txt").target == node.id


def test_a_pod_that_was_never_reached_is_a_node_that_says_so(alpha: Lab, beta: Lab) -> None:
    assert state(story(beta, "output/copy.txt", Asking.NEVER))[0] is PodState.ABSENT
    hidden = alpha.root.rename(alpha.root.with_name("hidden"))
    found = story(beta, "output/copy.txt")
    assert state(found)[0] is PodState.UNREACHABLE and len(pod_nodes(found)) == 1
    hidden.rename(alpha.root)
    # It is not asked at once again, but after a while, or if that is wanted.
    assert state(story(beta, "output/copy.txt"))[0] is PodState.UNREACHABLE
    assert state(story(beta, "output/copy.txt", later=11))[0] is PodState.FETCHED


def test_what_is_new_in_another_pod_is_fetched_alone(alpha: Lab, beta: Lab) -> None:
    story(beta, "output/copy.txt")
    packs = {pack.id for pack in alpha.pod.store.packs()}
    alpha.write("payload/words.txt", "quince\n")
    alpha.commit()
    alpha.run()
    run_with(beta, taken(alpha))
    with others_of(beta) as others:
        assert others.store is not None
        before = {pack.id for pack in others.store.store.packs()}
    found = story(beta, "output/copy.txt", later=11)
    assert state(found) == (PodState.FETCHED, "") and "alpha" in pods_of(found, NodeKind.RUN)
    with others_of(beta, Asking.NEVER) as others:
        assert others.store is not None and others.index is not None
        after = {pack.id for pack in others.store.store.packs()}
        # What is new there; the others that are new here are tables of contents of what stays there.
        new = {pack.id for pack in alpha.pod.store.packs()} - packs
        assert before < after and new and new <= after - before and packs <= before


@pytest.mark.parametrize("known", [5, 50])
def test_the_index_over_others_reads_what_is_new(
    alpha: Lab, beta: Lab, known: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain(alpha, known)
    with others_of(beta) as others:
        others.add(str(alpha.root), beta.root)
    head = alpha.commit("One more", allow_empty=True)
    with others_of(beta, later=11) as others:
        assert others.store is not None and others.index is not None
        commits, runs = (count(monkeypatch, others.store, name) for name in ("commit", "run"))
        others.add(str(alpha.root), beta.root)
        assert others.index.has_commit(head)
    # However many were known: the new one, and what fetching looks at, its parent and what was the last one before.
    assert head in commits and len(commits) <= 3 and len(runs) <= 1


def test_a_chain_of_pods_is_followed_as_far_as_is_wanted(alpha: Lab, beta: Lab, tmp_path: Path) -> None:
    gamma = new_lab(tmp_path / "gamma", "kiwi\n")
    run_with(gamma, taken(beta, "output/copy.txt"))
    assert pods_of(story(gamma, "output/copy.txt"), NodeKind.RUN) == ["", "beta", "alpha"]
    shutil.rmtree(gamma.pod.folder / "lineage")
    near = story(gamma, "output/copy.txt", depth=1)
    assert pods_of(near, NodeKind.RUN) == ["", "beta"]
    assert [node.label for node in pod_nodes(near)] == ["alpha"]
    shutil.rmtree(gamma.pod.folder / "lineage")
    assert pods_of(story(gamma, "output/copy.txt", depth=0), NodeKind.RUN) == [""]
    assert not (gamma.pod.folder / "lineage").exists()
    assert pods_of(story(gamma, "output/copy.txt", limit=1), NodeKind.RUN) == ["", "beta"]


def test_pods_that_use_each_other(alpha: Lab, beta: Lab) -> None:
    run_with(alpha, taken(beta, "output/copy.txt"), command="cp payload/words.txt output/sorted.txt")
    run_with(beta, taken(alpha))
    found = story(beta, "output/copy.txt")
    assert pods_of(found, NodeKind.RUN) == ["", "alpha", "", "alpha"]
    assert pods_of(found, NodeKind.EXTERNAL) == ["alpha", "", "alpha"]
    assert len(found.pods) == 2 and not pod_nodes(found)


def test_a_circle_of_pods_ends_downwards_too(alpha: Lab, beta: Lab) -> None:
    run_with(alpha, taken(beta, "output/copy.txt"), command="cp payload/words.txt output/sorted.txt")
    run_with(beta, taken(alpha))
    found = down(alpha, "payload/words.txt", beta)
    assert pods_of(found, NodeKind.RUN).count("beta") == 2 and not found.truncated


def test_a_reference_that_names_this_very_pod(beta: Lab) -> None:
    run_with(beta, taken(beta, "payload/words.txt"))
    found = story(beta, "output/copy.txt")
    assert set(pods_of(found, NodeKind.RUN)) == {""} and not pod_nodes(found)


def test_a_record_that_is_wrong_about_another_pod(alpha: Lab, beta: Lab) -> None:
    right = taken(alpha)
    run_with(beta, right._replace(id=blob_id(b"other")), right._replace(path="no/such/file"))
    found = story(beta, "output/copy.txt")
    assert edge(found, Relation.COMES_FROM, "output/sorted.txt").note == OTHERWISE
    assert edge(found, Relation.COMES_FROM, "no/such/file").target == f"commit:{alpha.head()}"


def test_ids_that_are_nowhere(alpha: Lab, beta: Lab) -> None:
    run_with(beta, taken(alpha)._replace(commit=ObjectId(b"\x07" * 32)))
    found = story(beta, "output/copy.txt")
    assert state(found) == (PodState.MOVED, "commit 0707070707 is not there any more")
    assert len(pod_nodes(found)) == 1


def test_a_place_that_holds_another_pod_than_before(alpha: Lab, beta: Lab, tmp_path: Path) -> None:
    place = tmp_path / "remote"
    alpha.push(place)
    run_with(beta, taken(alpha, reference=str(place)))
    story(beta, "output/copy.txt")
    shutil.rmtree(place)
    new_lab(tmp_path / "other", "melon\n").push(place)
    found = story(beta, "output/copy.txt", Asking.ALWAYS)
    assert state(found)[0] is PodState.MOVED and "another repository than before" in state(found)[1]
    assert pods_of(found, NodeKind.RUN) == ["", "remote"] and len(pod_nodes(found)) == 1


def test_a_place_with_something_else(alpha: Lab, beta: Lab, tmp_path: Path) -> None:
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "manifest").write_bytes(b"no manifest")
    external = taken(alpha)
    strange = ["junk", "\0", "x" * 5000, "swarm:abc", "fairos:" + "g" * 64, "fairos:pod", "", "file://host/x"]
    run_with(beta, *(external._replace(reference=text) for text in strange))
    found = story(beta, "output/copy.txt")
    assert all(other.state is not PodState.FETCHED and other.reason for other in found.pods.values())


def test_the_origin_of_a_published_output(alpha: Lab, tmp_path: Path) -> None:
    alpha.write("recipe.json", '{"name": "lab", "golem": {"exec": "true", "output": {"share": "output"}}}')
    alpha.commit()
    add_remote(alpha.pod, "origin", str(tmp_path / "place"), alpha.root)
    alpha.push(tmp_path / "place")
    assert publish_output(alpha.pod, "origin", time_ns=0) is not None
    with clone(open_remote(alpha.pod, "origin-output"), tmp_path / "clone", time_ns=0).pod as pod:
        lab = Lab(pod, alpha.clock)
        found = story(lab, "sorted.txt")
        assert ("sorted.txt", "output/sorted.txt") in edges(found, Relation.SAME_CONTENT)
        assert pods_of(found, NodeKind.RUN) == ["place"] and pods_of(found, NodeKind.ORIGIN)[0] == "place"
        with lab.index() as index, others_of(lab) as others:
            assert lineage_of_commit(pod, index, lab.head(), others=others).edges


def test_a_fork_asks_nobody(alpha: Lab, tmp_path: Path) -> None:
    copy = clone_of(alpha, tmp_path, forked=True)
    found = story(copy, "output/sorted.txt")
    assert edges(found, Relation.FORKED_FROM) and not found.pods
    assert not (copy.pod.folder / "lineage" / "pods.json").exists()


def test_what_has_the_same_content_in_a_pod_that_is_known(alpha: Lab, beta: Lab) -> None:
    story(beta, "output/copy.txt")
    beta.write("payload/by-hand.txt", (alpha.root / "output/sorted.txt").read_text())
    beta.commit()
    found = story(beta, "payload/by-hand.txt", Asking.NEVER)
    assert edge(found, Relation.SAME_CONTENT, "payload/by-hand.txt").note == BY_CONTENT
    assert pods_of(found, NodeKind.RUN) == ["alpha"]


# --- down ---------------------------------------------------------------------------------------------------------


def down(lab: Lab, path: str, *pods: Lab, asking: Asking = Asking.MISSING) -> Lineage:
    with lab.index() as index, others_of(lab, asking) as others:
        for pod in pods:
            others.add(str(pod.root), lab.root)
        if asking is Asking.ALWAYS:
            others.refresh()
        return made_from(lab.pod, index, lab.head(), path.encode(), others=others)


def test_who_used_a_file(alpha: Lab, beta: Lab) -> None:
    assert not list(down(alpha, "output/sorted.txt").of_kind(NodeKind.RUN))
    found = down(alpha, "output/sorted.txt", beta)
    assert pods_of(found, NodeKind.RUN) == ["beta"]
    assert "output/copy.txt" in [end for _, end in edges(found, Relation.MADE_BY)] or edges(found, Relation.MADE_BY)
    again = down(alpha, "output/sorted.txt")
    assert again.nodes == found.nodes
    from_payload = down(alpha, "payload/words.txt")
    assert pods_of(from_payload, NodeKind.RUN) == ["", "beta"]


def test_who_used_a_folder_used_what_is_in_it(alpha: Lab, beta: Lab) -> None:
    run_with(beta, taken(alpha, "output"), command="cp payload/words.txt output/third.txt")
    assert pods_of(down(alpha, "output/sorted.txt", beta), NodeKind.RUN) == ["beta", "beta"]
    # Also of what was made on the way.
    assert pods_of(down(alpha, "payload/words.txt"), NodeKind.RUN) == ["", "beta", "beta"]


def test_new_uses_are_seen_when_all_are_asked(alpha: Lab, beta: Lab) -> None:
    down(alpha, "output/sorted.txt", beta)
    run_with(beta, taken(alpha), command="cp payload/words.txt output/third.txt")
    assert len(pods_of(down(alpha, "output/sorted.txt"), NodeKind.RUN)) == 1
    assert len(pods_of(down(alpha, "output/sorted.txt", asking=Asking.ALWAYS), NodeKind.RUN)) == 2


def test_verdicts_of_others(alpha: Lab, tmp_path: Path) -> None:
    copy = clone_of(alpha, tmp_path)
    run = alpha.pod.store.commit(alpha.head()).run
    assert run is not None
    verified = copy.verify(run)
    found = down(alpha, "payload/words.txt", copy)
    assert [node.id for node in found.of_kind(NodeKind.VERDICT)] == [f"verdict:{verified.id}"]


# --- what others may do -------------------------------------------------------------------------------------------


def test_a_record_that_names_very_many_pods(alpha: Lab, beta: Lab) -> None:
    external = taken(alpha)
    many = (external._replace(path=f"{number}", reference=f"/nowhere/{number % 500}") for number in range(20_000))
    run_with(beta, *many)
    found = story(beta, "output/copy.txt", limit=10)
    assert found.truncated and 10_000 <= len(found.nodes) < 10_100
    asked = [other for other in found.pods.values() if other.state is PodState.UNREACHABLE]
    assert len(asked) == 10


def test_records_that_lead_nowhere_in_another_pod(alpha: Lab, beta: Lab) -> None:
    record = alpha.pod.store.run(alpha.pod.store.commit(alpha.head()).run)  # type: ignore[arg-type]
    gone = ObjectId(b"\x05" * 32)
    wrong = replace(record, input=gone, recipe=gone, base=gone, log=gone, repeats=gone, external=())
    with alpha.pod.store.session() as session:
        run = session.add(Kind.RUN, wrong.encode())
        session.commit()
    alpha.add_commit(replace(alpha.pod.store.commit(alpha.head()), run=run))
    run_with(beta, taken(alpha))
    found = story(beta, "output/copy.txt")
    # A pod in which something is missing gives no names to what came, as in every other fetch; what came has its ids.
    assert state(found)[0] is PodState.REFUSED and len(pod_nodes(found)) == 1 and found.missing


def test_a_pod_that_is_far_too_large(alpha: Lab, beta: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovrgit.lineage.pods.cache.MAX_METADATA", 100)
    found = story(beta, "output/copy.txt")
    assert state(found)[0] is PodState.REFUSED and "too much to look into" in state(found)[1]


@pytest.mark.parametrize("damage", ["format", "notes", "packs", "all"])
def test_what_is_kept_of_others_is_a_cache(beta: Lab, damage: str) -> None:
    first = story(beta, "output/copy.txt")
    folder = beta.pod.folder / "lineage"
    if damage == "format":
        (folder / ".sovr" / "format").write_bytes(b"what")
    elif damage == "notes":
        (folder / "pods.json").write_bytes(b'{"version": 1, "pods": [{}]}')
    elif damage == "packs":
        for pack in (folder / ".sovr" / "packs").iterdir():
            data = bytearray(pack.read_bytes())
            data[len(data) // 2] ^= 0xFF
            pack.chmod(0o600)
            pack.write_bytes(data)
    else:
        shutil.rmtree(folder)
    found = story(beta, "output/copy.txt", later=11)
    if damage == "packs":
        assert set(found.nodes) <= set(first.nodes) and found.missing
    else:
        assert found.nodes.keys() == first.nodes.keys()


def test_payload_that_no_commit_holds(alpha: Lab, beta: Lab) -> None:
    """What a pod of a task hands to the next names the commit that the pod was taken at, and was made by its run."""
    external = taken(alpha)
    (before,) = alpha.pod.store.commit(alpha.head()).parents
    story(beta, "output/copy.txt")
    run_with(beta, external._replace(commit=before), external._replace(commit=NO_COMMIT, path="payload", reference="."))
    found = story(beta, "output/copy.txt")
    made = edge(found, Relation.MADE_BY, "output/sorted.txt")
    assert found.nodes[made.target].pod == found.nodes[made.source].pod == next(iter(found.pods))
    # Of what was in a folder once there is nothing more to say.
    assert [node.label for node in found.of_kind(NodeKind.EXTERNAL)] == ["output/sorted.txt", "payload"]
    assert not pod_nodes(found)
