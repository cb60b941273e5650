from __future__ import annotations

from accredit.workload_api.settings import WorkloadApiSettings


def test_both_profiles_are_on_and_nothing_is_given_to_strangers_unless_chosen() -> None:
    settings = WorkloadApiSettings()
    assert settings.x509_profile
    assert settings.jwt_profile
    assert not settings.allow_unauthenticated_verifiers
    assert not settings.allowed_foreign_jwt_claims
