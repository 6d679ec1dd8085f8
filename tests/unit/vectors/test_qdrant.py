"""Where does the product look for Qdrant? At the address of the settings, at Qdrant's port if it names none."""

import pytest

from apps.vectors.qdrant import base_address


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:7000", "http://127.0.0.1:7000"),
        ("http://qdrant", "http://qdrant:6333"),
        ("https://qdrant.example.com/", "https://qdrant.example.com:6333"),
        ("https://example.com:443/qdrant/", "https://example.com:443/qdrant"),
    ],
)
def test_the_address_has_a_port(url: str, base: str) -> None:
    assert base_address(url) == base
