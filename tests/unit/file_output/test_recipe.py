from __future__ import annotations

import pytest

from accredit.file_output.recipe import Recipe


def test_an_output_without_files_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one file"):
        Recipe(())
