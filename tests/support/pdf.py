"""Small PDF files for tests: pages of text, and a page that is a scan."""

from __future__ import annotations

EOFB = "000000000001" * 2
"""End of a fax picture."""


def _file(objects: list[bytes]) -> bytes:
    """A file of numbered objects; the first is the catalogue."""
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))


def _stream(head: bytes, data: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (head, len(data), data)


def of_texts(*texts: str) -> bytes:
    """A page a text, in a font that the file does not bring along.

    Args:
        texts: one line each; no brackets and no backslash.
    """
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(texts)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(texts)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(texts):
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 500] /Contents %d 0 R" % (5 + 2 * number)
        objects.append(page + b" /Resources << /Font << /F 3 0 R >> >> >>")
        objects.append(_stream(b"", b"BT /F 24 Tf 40 420 Td (%s) Tj ET" % text.encode("latin-1")))
    return _file(objects)


def of_scan() -> bytes:
    """One page, all black: a fax picture, whose decoder is a file of its own, and not a word of text."""
    bits = "1" * 32 + EOFB  # 32 lines like the one above, the first like white; drawn inverted
    picture = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    head = (
        b"/Type /XObject /Subtype /Image /Width 32 /Height 32 /BitsPerComponent 1 /ColorSpace /DeviceGray"
        b" /Decode [1 0] /Filter /CCITTFaxDecode /DecodeParms << /K -1 /Columns 32 /Rows 32 >>"
    )
    return _file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 500] /Contents 4 0 R"
            b" /Resources << /XObject << /I 5 0 R >> >> >>",
            _stream(b"", b"400 0 0 500 0 0 cm /I Do"),
            _stream(head, picture),
        ]
    )
