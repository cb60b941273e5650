from __future__ import annotations

from support.sds_playbook import State, peer, secret

from accredit.sds_server.stream_state import StreamState


def state() -> StreamState:
    return StreamState(peer(), max_names=3)


def test_nonces_are_never_used_twice_on_one_stream() -> None:
    stream = state()
    stream.add(["a"])
    nonces = {stream.send((secret("a", str(version)),)).nonce for version in range(100)}
    assert len(nonces) == 100
    assert "" not in nonces


def test_only_so_many_answers_are_awaited() -> None:
    stream = state()
    stream.add(["a"])
    for version in range(40):
        stream.send((secret("a", str(version)),))
    stream.settle("1", None)
    assert stream.peer.describe()["secrets"][0]["acks"] == 0  # type: ignore[index]
    stream.settle("40", None)
    assert stream.peer.describe()["secrets"][0]["acks"] == 1  # type: ignore[index]
    assert len(stream._unanswered) < 40


def test_a_verdict_on_a_name_that_was_given_up_is_counted_and_changes_nothing() -> None:
    stream = state()
    stream.add(["a"])
    sent = stream.send((secret("a", "1"),))
    stream.drop(["a"])
    stream.settle(sent.nonce, None)
    stream.add(["a"])
    assert [each.version for each in stream.due(State(a="1"))] == ["1"]


def test_a_skipped_version_is_not_sent_until_it_is_forgotten() -> None:
    stream = state()
    stream.add(["a"])
    stream.skip("a", "1")
    assert stream.due(State(a="1")) == ()
    stream.forget("a")
    assert [each.version for each in stream.due(State(a="1"))] == ["1"]


def test_nothing_is_held_under_a_name_that_was_given_up() -> None:
    stream = state()
    stream.add(["a"])
    stream.send((secret("a", "1"),))
    assert "a" in stream.holding
    stream.drop(["a"])
    assert "a" not in stream.holding
