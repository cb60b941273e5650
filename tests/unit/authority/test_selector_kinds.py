from __future__ import annotations

import pytest

from accredit.authority.selector_kinds import mistake_in
from accredit.identity.selector import Selector


@pytest.mark.parametrize(
    "text",
    [
        "unix:uid:0",
        "unix:uid:4294967295",
        "unix:user:web-1",
        r"unix:user:CORP\domain users",
        "unix:gid:1000",
        "unix:group:staff",
        "unix:supplementary_gid:27",
        "unix:supplementary_group:docker",
        "unix:path:/usr/bin/odd:name",
        "unix:sha256:" + "0a" * 32,
        "output:nginx",
        "output:the web:443",
        "k8s:ns:payments",
        "k8s:ns-label:team:money",
        "k8s:sa:checkout",
        "k8s:node-name:node-1.example",
        "k8s:pod-uid:0a1b2c3d-0000-4000-8000-00000000000a",
        "k8s:pod-name:checkout-5d-x1",
        "k8s:pod-label:app.example/tier:",
        "k8s:pod-owner:ReplicaSet:checkout-5d",
        "k8s:pod-owner-uid:ReplicaSet:77aa",
        "k8s:pod-image:reg.example:5000/app:1",
        "k8s:pod-image-count:2",
        "k8s:pod-init-image:reg.example/setup@sha256:5e",
        "k8s:pod-init-image-count:0",
        "k8s:container-name:app",
        "k8s:container-image:reg.example/app:1",
        "docker:label:a:b",
        "docker:label:com.example/key:",
        "docker:label:motd:two\nlines",
        "docker:env:STAGE=prod:eu",
        "docker:env:EMPTY=",
        "docker:image_id:registry.example:5000/shop:1",
        "docker:image_config_digest:sha256:" + "0a" * 32,
        "docker:name:check_out-1.a",
        "podman-user:1000:label:app:checkout",
    ],
)
def test_selectors_that_a_caller_can_have_are_fine(text: str) -> None:
    assert mistake_in(Selector.parse(text)) is None


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("unix:usr:web", "unix:usr is unknown; expected one of uid, user, gid, group"),
        ("unix:usr:web", "did you mean unix:user?"),
        ("unix:zzz", "unix:zzz is unknown"),
        ("unix:uid", "unix:uid needs a decimal number, not ''"),
        ("unix:uid:root", "unix:uid needs a decimal number, not 'root'"),
        ("unix:uid:01", "unix:uid needs a decimal number, not '01'"),
        ("unix:uid:\u0661", "unix:uid needs a decimal number"),
        ("unix:user:", "unix:user needs a name"),
        ("unix:group:a:b", "unix:group needs a name"),
        ("unix:path:bin/web", "unix:path needs an absolute path, not 'bin/web'"),
        ("unix:sha256:" + "0A" * 32, "unix:sha256 needs 64 lower-case hex digits"),
        ("k8s:pod-lable:a:b", "did you mean k8s:pod-label?"),
        ("k8s:pod-images:a", "k8s:pod-images is unknown; expected one of ns, ns-label, sa"),
        ("k8s:pod-label:app", "k8s:pod-label needs a key, a colon and a value, not 'app'"),
        ("k8s:ns-label:team", "k8s:ns-label needs a key, a colon and a value"),
        ("k8s:pod-owner:web", "k8s:pod-owner needs a kind, a colon and a value"),
        ("k8s:ns:", "k8s:ns needs a name, without colons and slashes, not ''"),
        ("k8s:sa:payments:checkout", "k8s:sa needs a name, without colons and slashes"),
        ("k8s:ns:a/b", "k8s:ns needs a name"),
        ("k8s:pod-image-count:two", "k8s:pod-image-count needs a decimal number"),
        ("k8s:container-image:", "k8s:container-image needs a value"),
        ("output: web", "expected the name of an output, without"),
        ("output:a\tb", "expected the name of an output, without"),
        ("output:" + "a" * 101, "longer than 100 characters"),
        ("unix:sha256:0a", "unix:sha256 needs 64 lower-case hex digits"),
        ("docker:lable:a:b", "docker:lable is unknown; expected one of label, env, image_id"),
        ("docker:lable:a:b", "did you mean docker:label?"),
        ("docker:label:app", "docker:label needs a key and a value, as in label:app:checkout"),
        ("docker:label::x", "docker:label needs a key and a value"),
        ("docker:env:STAGE", "docker:env needs a variable and its value, as in env:STAGE=prod"),
        ("docker:image_id:", "docker:image_id needs the name an image was asked for by"),
        ("docker:image_config_digest:" + "0a" * 32, "needs sha256: and 64 hex digits"),
        ("docker:name:/checkout", "docker:name needs the name of a container"),
        ("podman-user:label:a:b", "podman-user needs the number of a user, as in podman-user:1000"),
        ("podman-user:7:lable:a:b", "did you mean podman-user:7:label?"),
        ("podman-user:7", "podman-user:7: is unknown"),
    ],
)
def test_a_selector_that_nobody_could_have_says_what_was_expected(text: str, mistake: str) -> None:
    assert mistake in (mistake_in(Selector.parse(text)) or "")
