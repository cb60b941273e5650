from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support.ca import TestCa
from support.clock import EPOCH
from support.file_sets import GIVEN, TLS, bundles_only, contents, material

from accredit.file_output.fileset import FileSet
from accredit.file_output.given import Given
from accredit.file_output.material import Material
from accredit.file_output.render import render
from accredit.file_output.spec import FileSpec, Kind
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError, UnavailableError
from accredit.identity.spiffe_id import TrustDomain

CA = TestCa()
PARTNER, OTHER = TestCa("partner.example"), TestCa("other.example")
MATERIAL = material(CA, PARTNER, OTHER)
CERTIFICATE = FileSpec(Kind.CERTIFICATE, "tls.crt")
FOREIGN = FileSpec(Kind.FOREIGN_BUNDLES, "{trust_domain}.crt")
STORE = FileSpec(Kind.PKCS12, "tls.p12", password_file="/password")


def files(*specs: FileSpec, of: Material = MATERIAL, given: Given = GIVEN) -> FileSet:
    return render(of, specs, given, EPOCH)


def test_a_set_says_what_a_look_from_outside_must_find() -> None:
    found, svid = files(*TLS), MATERIAL.svid
    assert svid is not None
    assert found.serial == svid.serial
    assert found.not_after == svid.not_after
    leaf = svid.leaf.public_bytes(Encoding.DER)
    assert found.leaf_sha256 == hashlib.sha256(leaf).hexdigest()


def test_a_set_without_the_svid_says_nothing_of_it() -> None:
    found = files(FileSpec(Kind.OWN_BUNDLE, "ca.crt"))
    assert (found.serial, found.not_after, found.leaf_sha256) == ("", None, "")
    assert files(FileSpec(Kind.JWKS, "jwks.json"), of=bundles_only(CA.bundle())).serial == ""


def test_each_federated_domain_has_a_file_of_its_own_with_its_own_roots_alone() -> None:
    assert contents(files(FOREIGN)) == {
        "partner.example.crt": PARTNER.bundle().x509_pem,
        "other.example.crt": OTHER.bundle().x509_pem,
    }


def test_the_own_bundle_holds_no_foreign_root() -> None:
    found = contents(files(FileSpec(Kind.OWN_BUNDLE, "ca.crt")))
    assert found == {"ca.crt": CA.bundle().x509_pem}


def test_a_partner_without_authorities_is_left_out_and_told() -> None:
    empty = TrustBundle(PARTNER.trust_domain)
    of = replace(MATERIAL, bundles={**MATERIAL.bundles, PARTNER.trust_domain: empty})
    found = files(FOREIGN, of=of)
    assert list(contents(found)) == ["other.example.crt"]
    (reason,) = found.left_out
    assert reason.startswith("foreign-bundles of partner.example: ")
    assert "no X.509 authority of partner.example is known" in reason


def test_a_partner_whose_name_is_that_of_another_file_is_left_out_and_told() -> None:
    tls = TestCa("tls")
    found = files(FOREIGN, CERTIFICATE, of=material(CA, tls))
    svid = found.serial
    assert svid
    assert list(contents(found)) == ["tls.crt"]
    assert b"BEGIN" in contents(found)["tls.crt"]
    assert found.left_out == ("foreign-bundles of tls: 'tls.crt' is the name of another file",)


@pytest.mark.parametrize("name", ["..", ".hidden", "-rf", "a" * 255])
def test_a_partner_whose_name_is_no_file_name_is_left_out_and_told(name: str) -> None:
    strange = TestCa()
    strange.trust_domain = TrustDomain(name)
    found = files(FOREIGN, CERTIFICATE, of=material(CA, strange))
    assert list(contents(found)) == ["tls.crt"]
    assert len(found.left_out) == 1


def test_the_files_of_partners_go_with_the_last_partner() -> None:
    assert files(FOREIGN, of=material(CA)).files == ()


def test_an_own_bundle_without_authorities_is_refused() -> None:
    empty = bundles_only(TrustBundle(CA.trust_domain))
    for kind in (Kind.OWN_BUNDLE, Kind.BUNDLE_JSON, Kind.JWKS, Kind.ENVOY_SDS_CONTEXT):
        with pytest.raises(BundleError):
            files(FileSpec(kind, "ca"), of=empty)


def test_a_leaf_in_the_bundle_is_not_written_as_an_authority() -> None:
    assert MATERIAL.svid is not None
    both = TrustBundle(CA.trust_domain, (MATERIAL.svid.leaf, CA.root))
    found = files(FileSpec(Kind.OWN_BUNDLE, "ca.crt"), of=bundles_only(both))
    assert contents(found) == {"ca.crt": CA.bundle().x509_pem}


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'tls\.crt' is the name of two files"):
        files(CERTIFICATE, CERTIFICATE)


def test_equal_material_gives_an_equal_version_although_keystores_are_salted() -> None:
    first, second = (files(*TLS, STORE) for _ in range(2))
    assert first.version == second.version
    assert contents(first)["tls.p12"] != contents(second)["tls.p12"]


def test_the_order_of_the_specs_does_not_matter_to_the_version() -> None:
    assert files(*TLS).version == files(*reversed(TLS)).version


def test_everything_that_a_reader_could_notice_changes_the_version() -> None:
    given = Given({"/password": "changeit"}, {"www": 33, "web": 33}, {"www": 33})
    versions = [
        files(*specs, of=of, given=given).version
        for specs, of in (
            ([CERTIFICATE], MATERIAL),
            ([CERTIFICATE], material(CA)),
            ([FileSpec(Kind.CERTIFICATE, "cert.pem")], MATERIAL),
            ([FileSpec(Kind.CERTIFICATE, "tls.crt", mode=0o444)], MATERIAL),
            ([FileSpec(Kind.CERTIFICATE, "tls.crt", owner="www")], MATERIAL),
            ([FileSpec(Kind.CERTIFICATE, "tls.crt", group="www")], MATERIAL),
            ([FileSpec(Kind.KEY, "tls.crt")], MATERIAL),
            ([CERTIFICATE, FOREIGN], MATERIAL),
            ([STORE], MATERIAL),
        )
    ]
    versions.append(files(STORE, given=Given({"/password": "opensesame"})).version)
    assert len(set(versions)) == len(versions)


def test_a_user_by_another_name_is_the_same_user() -> None:
    given = Given({}, {"www": 33, "33": 33})
    one, other = (
        files(FileSpec(Kind.CERTIFICATE, "tls.crt", owner=name), given=given)
        for name in ("www", "33")
    )
    assert one.version == other.version
    assert one.files[0].uid == 33


def test_a_user_who_was_not_looked_up_is_named() -> None:
    with pytest.raises(UnavailableError, match="'www' has not been looked up"):
        files(FileSpec(Kind.CERTIFICATE, "tls.crt", owner="www"))


def test_material_that_lacks_something_makes_no_file_not_even_one_that_could_be() -> None:
    ca = TestCa()
    lacking = replace(material(ca), lacking="no entry is for it")
    with pytest.raises(UnavailableError, match="no entry is for it"):
        render(lacking, (FileSpec(Kind.OWN_BUNDLE, "ca.crt"),), GIVEN, EPOCH)
