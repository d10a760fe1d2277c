"""Names the kinds of files that are not read, so that a refusal can say what to do instead."""

from typing import BinaryIO, Final

_COMPOUND_FILE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Begins every file of Office 2003 and older, and every encrypted one of today."""

_STREAMS: Final = (
    ("EncryptedPackage", "protected"),
    ("WordDocument", "This is a Word document of 2003 or older (DOC): save it as DOCX or PDF"),
    (
        "PowerPoint Document",
        "This is a presentation of 2003 or older (PPT): save it as PPTX or PDF",
    ),
    ("Workbook", "This is an Excel workbook of 2003 or older (XLS): save it as XLSX or CSV"),
    ("Book\0", "This is an Excel workbook of 2003 or older (XLS): save it as XLSX or CSV"),
    ("__properties_version1.0", "This is an Outlook message (MSG): save it as text or PDF"),
)
"""Streams by which a compound file is told; their names are in its directory, in UTF-16."""

_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"II*\x00", "an image"),
    (b"MM\x00*", "an image"),
    (b"BM", "an image"),
    (b"8BPS", "an image"),
    (b"\x00\x00\x01\x00", "an image"),
    (b"\x00\x00\x00\x0cjP  ", "an image"),
    (b"\xff\x4f\xff\x51", "an image"),
    (b"\xd7\xcd\xc6\x9a", "an image"),
    (b"AT&TFORM", "a scanned document (DjVu)"),
    (b"%!PS", "a PostScript file"),
    (b"{\\rtf", "a Rich Text document"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"7z\xbc\xaf\x27\x1c", "a compressed archive"),
    (b"Rar!\x1a\x07", "a compressed archive"),
    (b"BZh", "a compressed archive"),
    (b"\xfd7zXZ\x00", "a compressed archive"),
    (b"\x28\xb5\x2f\xfd", "a compressed archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\x00asm", "a program"),
    (b"OggS", "a sound recording"),
    (b"ID3", "a sound recording"),
    (b"\xff\xfb", "a sound recording"),
    (b"\xff\xf1", "a sound recording"),
    (b"fLaC", "a sound recording"),
    (b"#!AMR", "a sound recording"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"FLV\x01", "a video"),
    (b"SQLite format 3\x00", "a database"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
    (b"OTTO", "a font"),
    (b"\x00\x01\x00\x00", "a font"),
)

_TEXT_TOO: Final = (b"BM", b"MZ", b"BZh", b"ID3", b"GIF8", b"OTTO", b"wOFF", b"wOF2")
"""A text may begin like that as well, but it has no zero or control bytes soon after."""

_RIFF: Final = {b"WEBP": "an image", b"WAVE": "a sound recording", b"AVI ": "a video"}
_PICTURE_BRANDS: Final = (b"heic", b"heix", b"mif1", b"msf1", b"avif")


def name_of_binary(head: bytes) -> str | None:
    """What a file is that begins like this; `None` when it may be text."""
    if head.startswith(b"RIFF") and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        return "an image" if head[8:12] in _PICTURE_BRANDS else "a video or sound recording"
    if head[40:44] == b" EMF":
        return "an image"
    if head[257:262] == b"ustar":
        return "a compressed archive"
    for magic, name in _MAGIC:
        if head.startswith(magic) and not (magic in _TEXT_TOO and _is_texty(head)):
            return name
    return None


def kind_of_compound_file(file: BinaryIO, head: bytes) -> str | None:
    """What to say of an Office file of old; "protected" when it is an encrypted one of today."""
    if not head.startswith(_COMPOUND_FILE):
        return None
    file.seek(0)
    content = file.read()
    for stream, meaning in _STREAMS:
        if stream.encode("utf-16-le") in content:
            return meaning if meaning == "protected" else f"{meaning} and upload that."
    return "This is a file of Office 2003 or older: save it as DOCX or PDF and upload that."


def _is_texty(head: bytes) -> bool:
    return not any(byte < 9 or 13 < byte < 32 for byte in head[:512])
