"""Zstandard, which Pythons before 3.14 lack: one frame after the other, bounded (RFC 8878; ui.md UI-XP-52).

It is slow, about a megabyte a second, which does for pages of previews. Check sums are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FRAME = 0xFD2FB528
SKIPPED = range(0x184D2A50, 0x184D2A60)
MAX_BLOCK = 128 * 1024

# Lengths by their code: the least, and how many bits come on top of it.
_LITERALS = [(n, 0) for n in range(16)] + [
    (16, 1), (18, 1), (20, 1), (22, 1), (24, 2), (28, 2), (32, 3), (40, 3), (48, 4), (64, 6), (128, 7), (256, 8),
    (512, 9), (1024, 10), (2048, 11), (4096, 12), (8192, 13), (16384, 14), (32768, 15), (65536, 16),
]  # fmt: skip
_MATCHES = [(n + 3, 0) for n in range(32)] + [
    (35, 1), (37, 1), (39, 1), (41, 1), (43, 2), (47, 2), (51, 3), (59, 3), (67, 4), (83, 4), (99, 5), (131, 7),
    (259, 8), (515, 9), (1027, 10), (2051, 11), (4099, 12), (8195, 13), (16387, 14), (32771, 15), (65539, 16),
]  # fmt: skip
_OFFSETS = [(1 << n, n) for n in range(32)]


class _Damaged(ValueError):
    def __init__(self, what: str = "it is damaged") -> None:
        super().__init__(f"zstd: {what}")


class _Forward:
    """Bytes, and bits of them from the lowest on."""

    def __init__(self, data: bytes) -> None:
        self.data, self.bit = data, 0

    @property
    def at(self) -> int:
        """The next whole byte."""
        return (self.bit + 7) // 8

    def take(self, count: int) -> bytes:
        at = self.at
        if count < 0 or at + count > len(self.data):
            raise _Damaged("it ends too early")
        self.bit = (at + count) * 8
        return self.data[at : at + count]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def peek(self, count: int) -> int:
        at = self.bit >> 3
        return int.from_bytes(self.data[at : at + 4], "little") >> (self.bit & 7) & (1 << count) - 1


class _Backward:
    """Bits from the end on; the highest one of the last byte only marks where they begin."""

    def __init__(self, data: bytes) -> None:
        if not data or not data[-1]:
            raise _Damaged()
        self.data, self.left = data, len(data) * 8 - 9 + data[-1].bit_length()

    def read(self, count: int) -> int:
        """The next bits; before the beginning there are zeros, and `left` falls below 0."""
        found = self.peek(count)
        self.left -= count
        return found

    def peek(self, count: int) -> int:
        low = self.left - count
        if low >= 0:
            return int.from_bytes(self.data[low >> 3 : (self.left + 7) >> 3], "little") >> (low & 7) & (1 << count) - 1
        if self.left <= 0:
            return 0
        return (int.from_bytes(self.data[: (self.left + 7) >> 3], "little") & (1 << self.left) - 1) << -low


@dataclass(slots=True)
class _Table:
    """States of finite state entropy: symbol, bits to the next state, and the least of those."""

    width: int
    states: list[tuple[int, int, int]]


def _table(shares: list[int], width: int) -> _Table:
    size = 1 << width
    symbols, high = [0] * size, size - 1
    for symbol, share in enumerate(shares):
        if share == -1:
            symbols[high] = symbol
            high -= 1
    place, step = 0, (size >> 1) + (size >> 3) + 3
    for symbol, share in enumerate(shares):
        for _ in range(max(share, 0)):
            symbols[place] = symbol
            place = (place + step) & size - 1
            while place > high:
                place = (place + step) & size - 1
    if place:
        raise _Damaged()
    following = [1 if share == -1 else share for share in shares]
    states = []
    for symbol in symbols:
        number = following[symbol]
        following[symbol] += 1
        bits = width + 1 - number.bit_length()
        states.append((symbol, bits, (number << bits) - size))
    return _Table(width, states)


def _shares(source: _Forward, widest: int, most: int) -> _Table:
    """A table as it is written before what it is for."""
    source.bit = source.at * 8
    width = source.peek(4) + 5
    source.bit += 4
    if width > widest:
        raise _Damaged()
    left, shares = 1 << width, []
    while left > 0:
        bits = (left + 1).bit_length()
        value, low = source.peek(bits), (1 << bits - 1) - 1
        short = (1 << bits) - 2 - left
        if value & low < short:
            value &= low
            source.bit += bits - 1
        else:
            value -= short if value > low else 0
            source.bit += bits
        shares.append(value - 1)
        left -= abs(value - 1)
        while value == 1:
            more = source.peek(2)
            source.bit += 2
            shares += [0] * more
            if more < 3:
                break
        if len(shares) > most or source.bit > len(source.data) * 8:
            raise _Damaged()
    if left:
        raise _Damaged()
    source.bit = source.at * 8
    return _table(shares, width)


_PLAIN_LITERALS = _table([4, 3, *[2] * 11, 1, 1, 1, *[2] * 9, 3, 2, *[1] * 5, *[-1] * 4], 6)
_PLAIN_MATCHES = _table([1, 4, 3, *[2] * 6, *[1] * 37, *[-1] * 7], 6)
_PLAIN_OFFSETS = _table([*[1] * 6, 2, 2, 2, *[1] * 15, *[-1] * 5], 5)


@dataclass(slots=True)
class _Codes:
    """Huffman codes: what the next bits mean, and how many of them do."""

    width: int
    meanings: list[tuple[int, int]]


def _weights(source: _Forward) -> list[int]:
    head = source.take(1)[0]
    if head >= 128:
        packed = source.take((head - 126) // 2)
        return [one for byte in packed for one in (byte >> 4, byte & 15)][: head - 127]
    part = _Forward(source.take(head))
    table = _shares(part, 6, 256)
    bits = _Backward(part.data[part.at :])
    first, second = bits.read(table.width), bits.read(table.width)
    found: list[int] = []
    while len(found) < 256:
        symbol, count, least = table.states[first]
        found.append(symbol)
        first = least + bits.read(count)
        if bits.left < 0:
            return [*found, table.states[second][0]]
        first, second = second, first
    raise _Damaged()


def _codes(source: _Forward) -> _Codes:
    weights = _weights(source)
    total = sum(1 << one >> 1 for one in weights)
    width = total.bit_length()
    rest = (1 << width) - total
    if not total or width > 11 or rest & rest - 1:
        raise _Damaged()
    weights.append(rest.bit_length())
    meanings: list[tuple[int, int]] = []
    for weight in range(1, width + 1):
        for symbol, one in enumerate(weights):
            if one == weight:
                meanings += [(symbol, width + 1 - weight)] * (1 << weight - 1)
    if len(meanings) != 1 << width:
        raise _Damaged()
    return _Codes(width, meanings)


def _spelled(codes: _Codes, data: bytes, count: int) -> bytes:
    bits, out = _Backward(data), bytearray()
    width, meanings, left = codes.width, codes.meanings, bits.left
    mask = (1 << width) - 1
    for _ in range(count):
        low = left - width
        if low >= 0:
            window = int.from_bytes(data[low >> 3 : (low >> 3) + 3], "little") >> (low & 7) & mask
        else:
            bits.left = left
            window = bits.peek(width)
        symbol, used = meanings[window]
        out.append(symbol)
        left -= used
    if left:
        raise _Damaged()
    return bytes(out)


@dataclass(slots=True)
class _Frame:
    """What the blocks of a frame hand on."""

    out: bytearray
    start: int
    codes: _Codes | None = None
    literals: _Table | None = None
    offsets: _Table | None = None
    matches: _Table | None = None
    recent: list[int] = field(default_factory=lambda: [1, 4, 8])

    def block(self, data: bytes) -> None:
        """Add what a packed block says."""
        source = _Forward(data)
        literals = self._literals(source)
        count = source.take(1)[0]
        if count == 255:
            count = source.number(2) + 0x7F00
        elif count >= 128:
            count = (count - 128 << 8) + source.take(1)[0]
        if not count:
            self.out += literals
            return
        modes = source.take(1)[0]
        tables = (
            self._mode(source, modes >> 6, _PLAIN_LITERALS, self.literals, 9, 36),
            self._mode(source, modes >> 4 & 3, _PLAIN_OFFSETS, self.offsets, 8, 32),
            self._mode(source, modes >> 2 & 3, _PLAIN_MATCHES, self.matches, 9, 53),
        )
        self.literals, self.offsets, self.matches = tables
        self._sequences(_Backward(source.data[source.at :]), literals, count, tables)

    def _literals(self, source: _Forward) -> bytes:
        kind, form = source.peek(2), source.peek(4) >> 2
        if kind < 2:
            size, shift = (1, 3) if not form & 1 else (2, 4) if form == 1 else (3, 4)
            count = source.number(size) >> shift
            if count > MAX_BLOCK:
                raise _Damaged()
            return source.take(count) if kind == 0 else source.take(1) * count
        size, wide = ((3, 10), (3, 10), (4, 14), (5, 18))[form]
        head = source.number(size) >> 4
        count, packed = head & (1 << wide) - 1, head >> wide
        if count > MAX_BLOCK:
            raise _Damaged()
        part = _Forward(source.take(packed))
        if kind == 2:
            self.codes = _codes(part)
        if self.codes is None:
            raise _Damaged()
        if not form:
            return _spelled(self.codes, part.take(packed - part.at), count)
        sizes = [part.number(2) for _ in range(3)]
        quarter = (count + 3) // 4
        pieces = [_spelled(self.codes, part.take(one), quarter) for one in sizes]
        return b"".join([*pieces, _spelled(self.codes, part.take(packed - part.at), count - 3 * quarter)])

    @staticmethod
    def _mode(source: _Forward, mode: int, plain: _Table, before: _Table | None, widest: int, most: int) -> _Table:
        if mode == 0:
            return plain
        if mode == 1:
            return _Table(0, [(source.take(1)[0], 0, 0)])
        if mode == 2:
            return _shares(source, widest, most)
        if before is None:
            raise _Damaged()
        return before

    def _sequences(self, bits: _Backward, literals: bytes, count: int, tables: tuple[_Table, _Table, _Table]) -> None:
        out, taken, end = self.out, 0, len(self.out) + MAX_BLOCK
        first, second, third = (table.states for table in tables)
        one, two, three = (bits.read(table.width) for table in tables)
        for number in range(count):
            literal_code, literal_bits, literal_least = first[one]
            offset_code, offset_bits, offset_least = second[two]
            match_code, match_bits, match_least = third[three]
            if offset_code > 31 or match_code > 52 or literal_code > 35:
                raise _Damaged()
            offset = (1 << offset_code) + bits.read(offset_code)
            least, more = _MATCHES[match_code]
            length = least + bits.read(more)
            least, more = _LITERALS[literal_code]
            plain = least + bits.read(more)
            out += literals[taken : taken + plain]
            taken += plain
            distance = self._distance(offset, plain)
            begin = len(out) - distance
            if distance < 1 or begin < self.start or taken > len(literals) or len(out) + length > end or bits.left < 0:
                raise _Damaged()
            if distance >= length:
                out += out[begin : begin + length]
            else:
                out += (bytes(out[begin:]) * (length // distance + 1))[:length]
            if number + 1 < count:
                one = literal_least + bits.read(literal_bits)
                three = match_least + bits.read(match_bits)
                two = offset_least + bits.read(offset_bits)
        if bits.left:
            raise _Damaged()
        out += literals[taken:]

    def _distance(self, offset: int, plain: int) -> int:
        """How far back a match is; the first three numbers stand for the last distances."""
        recent = self.recent
        if offset > 3:
            self.recent = [offset - 3, *recent[:2]]
            return offset - 3
        place = offset - 1 + (plain == 0)
        if place == 0:
            return recent[0]
        distance = recent[place] if place < 3 else recent[0] - 1
        self.recent = [distance, recent[0], recent[2] if place == 1 else recent[1]]
        return distance


def unpacked(data: bytes, most: int) -> bytes:
    """What frames hold.

    Args:
        data: one frame, or several after each other.
        most: bytes that are made at most; a little more may be.

    Raises:
        ValueError: damaged, or made with a dictionary.
    """
    source, out = _Forward(data), bytearray()
    try:
        while source.at < len(data) and len(out) <= most:
            magic = source.number(4)
            if magic in SKIPPED:
                source.take(source.number(4))
                continue
            if magic != FRAME:
                raise _Damaged("it is none")
            _frame(source, out, most)
    except IndexError:
        raise _Damaged from None
    return bytes(out)


def _frame(source: _Forward, out: bytearray, most: int) -> None:
    about = source.take(1)[0]
    single = about >> 5 & 1
    source.take(0 if single else 1)
    if source.number((0, 1, 2, 4)[about & 3]):
        raise _Damaged("it needs a dictionary")
    source.take((single, 2, 4, 8)[about >> 6])
    frame, last = _Frame(out, len(out)), False
    while not last:
        head = source.number(3)
        last, kind, size = bool(head & 1), head >> 1 & 3, head >> 3
        if size > MAX_BLOCK or kind == 3:
            raise _Damaged
        if kind == 1:
            out += source.take(1) * size
        elif kind == 0:
            out += source.take(size)
        else:
            frame.block(source.take(size))
        if len(out) > most:
            return
    source.take(4 if about >> 2 & 1 else 0)
