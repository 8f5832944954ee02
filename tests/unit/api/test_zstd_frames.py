"""Zstandard without a library: what another packer made comes back, and damaged bytes are refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowdeck.services import zstd_frames

LINES = "".join(f"{n:03d} task {'abc'[n % 3] * (n % 7)} ended after {n * n % 997} ms\n" for n in range(120)).encode()
SKEW = bytes((n * n * n >> 5) % 23 * (n % 5 == 0) + 65 + (n * 7919 >> 3) % 9 for n in range(900))
RUN = b"x" * 5000
# By the reference library: tables of their own, four streams of codes, repeated distances; codes in one; runs.
PACKED_LINES = base64.b64decode(
    "KLUv/WTlDS0UALZbPBOwaTk8FGKbvSFnKWVKKSVYmzTHQwAwADIAbs0sddJVICZndURz35tf0joc2MomEhFC1VOH9wT8w+HQCggIYAUE"
    "JgeJAFA4MIQhgWChIMAwQDCAQGAwGCgELBgiIkQeV156NdEzXx4ORyuEZJld6LI6E+ezXhiPuqalDadOm+muOBtfwgpSlWgz+3d/AlFV"
    "/hB5SPp3nk4U19FYSIK8Wgi1M/PoLdW2ZJXsMqmYqfMk4fmHc0hpijQtOFLxeBUDAAoHBsaKL5IZV9/PrIMYG1NOCZGqqdNo6rdfavEs"
    "O+EkGCFUwlN12H12nFonUeegdBKBAahBjM/7vwGhTCEhq8gHESRgSIigEEKIEBUVPc60sAh5GtQjObCh84lt5AYxoAAMF5/GQRbecsR6"
    "4vhgxdYho2GoJ5kNskxFEqUNOqBcuOGV/yYROLQdzeAXnVCoj2c4m+/jFJUNWwXYAs1Wk+IonegYC0wsz0ADmFC+fcoxCVrhY00gA4fj"
    "2EMJb0RJxxCbIymq/ODIThpdrqANpW6IgEluWsNXOHTkR5S+0GCKD2DYGSBLNFi2MgGRaaM4LwqvH5ocgO35EoWKiUNhBff5981pAng5"
    "2DAQx2qMFiisjGSnIhFyOqXCJ4uBBBoJzIZNuqaWv1wcbjDkxAPvVxaEsb4O1cheUW7s5yDgHJVWjzCi0gVIhQo/OLDCJZJ9Sjbq8OTd"
    "kFCnPOZssuJ6pjN0XgJ7YGADmHSU4dIEGUDAuZKRsZ4U2n9Se59/AwH74g4fwgtwgaG5hojYBbCZpxJIuPFBG/D2G343qanpZexB8YLI"
    "WBuj5iiLIcZEBGGFvDLksGvMrICWA4GnbPCTl94lVWwE8sY="
)
PACKED_SKEW = base64.b64decode(
    "KLUv/WSEAsUJABbTMxaAFcYDEeSD30QbyECG32Q3eWAGZsAQKQArAC4AqN2dYOX/FBGxIGJqZuZKVV2qqm13N9hlVszMQnd3625X7u7H"
    "/5/8/18C3e7F0f8f392pQ8Q/JlM1UMfuskG4u09Z7v/r++5wJWZmMorq7sAWM3cLpxiHDzsYwUJwEJIyDRKIE5gBT07uEJNlajICc3dj"
    "h7v/wPB3Zw5iZqtB0zLzq7vLRHkBAlAYEuGw0gpTglWkQ9ogK+BdCHQgiFomGUO13+Jbo1KKD0Cr0x+rSAglIoCMqGHMo3T22TeQc50D"
    "EPC0BqB5stxVquhhTe5GMchBDWvC380eCPfWuXVdOliTjw1luuTkJb7IgfyUaGZaThCdvklA4sPxY6GQB+Fg0juNST8YO/gPmukmJo4T"
    "i4ObIHKmNEheBSpmbxc="
)
PACKED_RUN = base64.b64decode("KLUv/WSIEk0AABB4eAEAg9MDLETgPcU=")


@pytest.mark.parametrize(("packed", "text"), [(PACKED_LINES, LINES), (PACKED_SKEW, SKEW), (PACKED_RUN, RUN)])
def test_what_the_reference_packed_comes_back(packed: bytes, text: bytes) -> None:
    assert zstd_frames.unpacked(packed, len(text)) == text


def test_several_frames_and_skipped_ones_follow_each_other() -> None:
    skipped = (0x184D2A50).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"abc"
    assert zstd_frames.unpacked(PACKED_SKEW + skipped + PACKED_RUN, 10_000) == SKEW + RUN


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PAR1....", "it is none"),
        (PACKED_LINES[:-40], "zstd"),
        (PACKED_LINES[:4] + bytes([PACKED_LINES[4] | 1]) + PACKED_LINES[5:], "zstd"),
        (PACKED_RUN[:3], "ends too early"),
    ],
)
def test_what_is_no_frame_says_so(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        zstd_frames.unpacked(data, 10_000)


def test_few_bytes_do_not_become_many() -> None:
    """A block makes 128 kB at most, and nothing is made after the limit was passed."""
    block = (128 * 1024 << 3 | 1 << 1).to_bytes(3, "little") + b"x"
    data = PACKED_RUN[:4] + bytes([0x00, 0x58]) + block * 10_000
    assert len(zstd_frames.unpacked(data, 300_000)) <= 300_000 + 128 * 1024


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from([PACKED_LINES, PACKED_SKEW]), st.integers(0, 600), st.integers(1, 255))
def test_damaged_bytes_are_read_or_refused(packed: bytes, place: int, change: int) -> None:
    data = bytearray(packed)
    data[place % len(data)] ^= change
    try:
        found = zstd_frames.unpacked(bytes(data), 10_000)
    except ValueError:
        return
    assert len(found) <= 10_000 + zstd_frames.MAX_BLOCK
