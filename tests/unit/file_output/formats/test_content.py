from __future__ import annotations

from accredit.file_output.formats.content import Content


def test_plain_content_is_its_own_identity_and_stays_out_of_the_repr() -> None:
    content = Content.plain(b"hush")
    assert (content.data, content.identity, content.salted) == (b"hush", b"hush", False)
    assert "hush" not in repr(content)
