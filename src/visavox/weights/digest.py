"""Digest of a weights file, by which resumed work knows that its networks are still the same ones."""

from __future__ import annotations

from visavox.runtime.files import sha256_of
from visavox.types import PathLike

_FIRST_SHIPPED = {
    # attn-wav2lip
    "8a2ebac51cd28161570e0dee5b5e552dd7b354a4270fc974e550ac5c10cb3818": (
        "63347acfe0b1d916d86788ef5d1edc15258b8523a699a94cdcf202b1fc04dce8"
    ),
    # expert
    "1e97cf1989b500ae2d0c2a9ed294bda5ef7b14b8ed08eb788a1bd2492941224a": (
        "9ac11d0445484cc91b487758f2b1336c0c7e14e49569f10353645fcd8499d959"
    ),
    # face-features
    "b35880d8a5710c780c87a2c886c1095d6fdf78843610bcff21b8233a1a5a4854": (
        "85274f3958154178d56b70e85c57f0a91801c19b1fce63efbb273684afbb24c0"
    ),
    # motion-dub
    "e3f97ceacadaedc669a0e68b3e0ddd409ce07b3a123077ba5aeb60cf09a49e5f": (
        "3814968253e54ec690ec906cc9c7e62effb9599598c1580ff29fdc2b99f8144d"
    ),
    # motion-syncnet
    "7905779b160fbe456827bf2d73dc958a06c2f43645d9e5b3830e799d2100f3ec": (
        "7ade631e8bc40a636c24b5eeb60027f31572486e459f9aa8cea19679cdb39003"
    ),
    # motion
    "1e7cfb2acef03708eead6d9762210e6dc0b10eb65436d98cf3dd006c266c9dd0": (
        "d7db3f65c9bc6396481630dd80cf7559bbf39eabbe8137da2703f0a6e6730d79"
    ),
    # postnet-grid-s1
    "4624c98f0bdc5cd632cc8a2861f8dd9697983a45ea13873a236c5ae692658b91": (
        "617807ffb0cfe3081c5c3a42d4c6c623db7edd89aa4d7a4f4061f6d197b86cf2"
    ),
    # wav2lip
    "719045d040627906f4c7676789a1788561cb33df6c2f9bf27e10853bf3620460": (
        "94f4c9bd105df79152c7d05dd7ffd30b70b9e59b6290dcc51b8a655546ef3c60"
    ),
}
"""SHA-256 of shipped files in the present format -> SHA-256 of the same tensors in version 1, in which they were first
shipped: work that was begun with the one goes on with the other."""


def weights_digest(path: PathLike) -> str:
    """Return the SHA-256 of a weights file, in hexadecimal; of a shipped one that of its first format."""
    digest = sha256_of(path)
    return _FIRST_SHIPPED.get(digest, digest)


def short_weights_digest(path: PathLike) -> str:
    """Return the first 16 digits of `weights_digest`."""
    return weights_digest(path)[:16]
