from __future__ import annotations

from support.sds_playbook import secret

from accredit.sds_server.secrets import Secret
from accredit.sds_server.verdicts import Verdicts


def anything(_: Secret) -> bool:
    return True


def nothing(_: Secret) -> bool:
    return False


class Envoy:
    """Both sides of one connection: sends what is chosen and remembers it."""

    def __init__(self) -> None:
        self.verdicts = Verdicts()
        self.has: dict[str, Secret] = {}

    def offer(self, newest: Secret) -> str | None:
        """Return the version that goes out; None for nothing."""
        current = self.has.get(newest.name)
        chosen = self.verdicts.choose(newest, current.version if current else None, anything)
        if chosen is None or (current and chosen.version == current.version):
            return None
        self.verdicts.sent(chosen)
        self.has[newest.name] = chosen
        return chosen.version

    def accept(self, name: str) -> None:
        self.verdicts.accepted(self.has[name])

    def refuse(self, name: str) -> bool:
        return self.verdicts.refused(self.has[name])


def rotated() -> Envoy:
    """Return an Envoy that accepted version 1 of a certificate and its bundle, and was sent 2."""
    envoy = Envoy()
    for name in ("cert", "ROOTS"):
        envoy.offer(secret(name, "1"))
        envoy.accept(name)
    for name in ("cert", "ROOTS"):
        assert envoy.offer(secret(name, "2")) == "2"
    return envoy


def test_the_newest_is_chosen_until_it_is_refused() -> None:
    verdicts, newest = Verdicts(), secret("a", "1")
    assert verdicts.choose(newest, None, anything) is newest
    verdicts.refused(newest)
    assert verdicts.choose(newest, "1", anything) is None


def test_an_older_secret_that_may_not_be_used_any_more_is_not_restored() -> None:
    verdicts, good, bad = Verdicts(), secret("a", "1"), secret("a", "2")
    verdicts.accepted(good)
    verdicts.refused(bad)
    assert verdicts.choose(bad, "2", nothing) is None
    assert verdicts.choose(bad, "2", anything) is good


def test_a_refusal_while_another_name_heals_is_taken_for_a_consequence() -> None:
    envoy = rotated()
    assert envoy.refuse("cert") is False
    assert envoy.offer(secret("cert", "2")) == "1"
    # Envoy has built its context from both, so the good bundle is refused with the bad leaf's text.
    assert envoy.refuse("ROOTS") is False
    assert envoy.offer(secret("ROOTS", "2")) is None
    envoy.accept("cert")
    assert envoy.offer(secret("ROOTS", "2")) is None
    assert envoy.offer(secret("ROOTS", "3")) == "3"


def test_if_the_last_good_one_is_refused_too_the_suspects_are_replaced() -> None:
    envoy = rotated()
    envoy.refuse("cert")
    envoy.offer(secret("cert", "2"))
    envoy.refuse("ROOTS")
    # The leaf that worked before does not work now: the bundle was to blame.
    assert envoy.refuse("cert") is True
    assert envoy.offer(secret("ROOTS", "2")) == "1"
    assert envoy.offer(secret("cert", "2")) is None


def test_a_suspect_is_not_sent_again_to_another_stream() -> None:
    envoy = rotated()
    envoy.refuse("cert")
    envoy.offer(secret("cert", "2"))
    envoy.refuse("ROOTS")
    del envoy.has["ROOTS"]
    assert envoy.offer(secret("ROOTS", "2")) == "1"


def test_refusing_the_last_good_one_ends_all_attempts_until_something_new_comes() -> None:
    envoy = rotated()
    envoy.refuse("cert")
    assert envoy.offer(secret("cert", "2")) == "1"
    assert envoy.refuse("cert") is False
    assert envoy.offer(secret("cert", "2")) is None
    assert envoy.offer(secret("cert", "3")) == "3"


def test_what_was_refused_stays_refused_after_the_name_was_forgotten() -> None:
    envoy = rotated()
    envoy.refuse("cert")
    envoy.verdicts.forget("cert")
    envoy.has.clear()
    assert envoy.offer(secret("cert", "2")) is None
    assert envoy.offer(secret("cert", "3")) == "3"


def test_a_late_acknowledgement_does_not_clear_a_refusal() -> None:
    verdicts, bad = Verdicts(), secret("a", "1")
    verdicts.refused(bad)
    verdicts.accepted(bad)
    assert verdicts.choose(bad, None, anything) is None


def test_the_memory_of_refusals_is_bounded() -> None:
    verdicts = Verdicts()
    for number in range(100):
        verdicts.refused(secret("a", str(number)))
    assert verdicts.choose(secret("a", "99"), None, anything) is None
    assert verdicts.choose(secret("a", "50"), None, anything) is not None


def test_a_suspect_that_was_followed_by_something_newer_is_none_any_more() -> None:
    envoy = rotated()
    envoy.refuse("cert")
    envoy.offer(secret("cert", "2"))
    envoy.refuse("ROOTS")
    assert envoy.offer(secret("ROOTS", "3")) == "3"
    assert envoy.refuse("cert") is False


def test_something_newer_ends_the_healing() -> None:
    envoy = rotated()
    envoy.refuse("cert")
    assert envoy.offer(secret("cert", "2")) == "1"
    assert envoy.offer(secret("cert", "3")) == "3"
    envoy.refuse("ROOTS")
    assert envoy.offer(secret("ROOTS", "2")) == "1"


def test_a_good_secret_on_another_stream_is_no_healing() -> None:
    envoy = rotated()
    envoy.accept("cert")
    del envoy.has["cert"]
    assert envoy.offer(secret("cert", "2")) == "2"
    envoy.refuse("ROOTS")
    assert envoy.offer(secret("ROOTS", "2")) == "1"
