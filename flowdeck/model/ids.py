"""Public ids: 22 characters of base 62 that sort by the time of their making (spec: workflow components §0)."""

from __future__ import annotations

from zlib import crc32

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""In the order of the characters' codes, so that texts sort as numbers do."""

LENGTH = 22
ENTROPY_BITS = 80

SHARDS = 64
"""Parts of all executions that executors share out (0-63); those of triggers follow (64-127)."""

_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


def make_id(ms: int, entropy: int) -> str:
    """An id of the instant `ms` (since the epoch, 48 bits are used) and 80 random bits.

    Ids of a later millisecond are greater; within one the entropy decides, so a caller that counts it upwards keeps
    the order.
    """
    number = (ms & 0xFFFF_FFFF_FFFF) << ENTROPY_BITS | (entropy & ((1 << ENTROPY_BITS) - 1))
    pairs = []
    for _ in range(LENGTH // 2):
        number, rest = divmod(number, 3844)
        pairs.append(_PAIRS[rest])
    pairs.reverse()
    return "".join(pairs)


def id_time(public_id: str) -> int:
    """The ms in an id made by `make_id`; ValueError for other texts."""
    if len(public_id) != LENGTH or not all(c in _VALUES for c in public_id):
        raise ValueError(f"'{public_id[:40]}' is not an id")
    number = 0
    for character in public_id:
        number = number * 62 + _VALUES[character]
    return number >> ENTROPY_BITS


def shard_of(root_id: str) -> int:
    """The shard, 0-63, of an execution that was started by no other; subflows lie in their parent's (design §6)."""
    return crc32(root_id.encode()) % SHARDS


def trigger_shard(tenant: str, namespace: str, flow_id: str, trigger_id: str) -> int:
    """The shard, 64-127, of a trigger."""
    return SHARDS + crc32("/".join((tenant, namespace, flow_id, trigger_id)).encode()) % SHARDS
