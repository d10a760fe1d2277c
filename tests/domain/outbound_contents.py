"""Outbound contents of every kind, drawn up to the edges of Meta's limits."""

from typing import Any

from hypothesis import strategies as st

from contracts.message_length import message_length

_CHARACTERS = st.characters(
    codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cs"), include_characters="🙂éß中"
)

Json = dict[str, Any]


def line(longest: int) -> st.SearchStrategy[str]:
    """One line that shows something, often as long as it may be."""
    full = st.sampled_from("xé中🙂").map(lambda one: one * (longest // message_length(one)))
    drawn = st.text(_CHARACTERS, min_size=1, max_size=longest).filter(
        lambda text: (
            bool(text.strip()) and message_length(text) <= longest and len(text.splitlines()) < 2
        )
    )
    return drawn | full


def body(longest: int) -> st.SearchStrategy[str]:
    paragraphs = st.tuples(line(longest // 2 - 2), line(longest // 2 - 2)).map("\n\n".join)
    return line(longest) | paragraphs


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


LINKS = st.sampled_from(
    [
        "https://files.example/a.jpg",
        "https://files.example/" + "x" * 2000,
        "https://münchen.example/a?b=c#d",
    ]
)
SOURCES: st.SearchStrategy[Json] = st.builds(dict, link=LINKS) | st.builds(
    dict, media_id=st.from_regex(r"[0-9]{5,20}", fullmatch=True)
)
FRAME = {"header": maybe(line(60)), "footer": maybe(line(60))}


def texts() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"type": st.just("text"), "body": body(4096), "preview_url": st.booleans()}
    )


def media() -> st.SearchStrategy[Json]:
    captioned = st.fixed_dictionaries(
        {"type": st.sampled_from(["image", "video"]), "caption": maybe(body(1024))}
    )
    document = st.fixed_dictionaries(
        {"type": st.just("document"), "caption": maybe(body(1024)), "filename": maybe(line(240))}
    )
    audio = st.fixed_dictionaries({"type": st.just("audio"), "voice": st.booleans()})
    sticker = st.fixed_dictionaries({"type": st.just("sticker")})
    return st.builds(lambda a, b: a | b, captioned | document | audio | sticker, SOURCES)


def buttons() -> st.SearchStrategy[Json]:
    option = st.fixed_dictionaries({"id": line(256), "title": line(20)})
    options = st.lists(
        option,
        min_size=1,
        max_size=3,
        unique_by=(lambda one: one["id"], lambda one: one["title"]),
    )
    return st.fixed_dictionaries(
        {"type": st.just("buttons"), "body": body(1024), "options": options, **FRAME}
    )


def lists() -> st.SearchStrategy[Json]:
    def sections(rows: list[Json], titles: list[str]) -> list[Json]:
        size = -(-len(rows) // len(titles))
        cut = [rows[at : at + size] for at in range(0, len(rows), size)]
        return [
            {"title": title, "rows": some} for title, some in zip(titles, cut, strict=False) if some
        ]

    row = st.fixed_dictionaries(
        {"id": line(200), "title": line(24), "description": maybe(line(72))}
    )
    rows = st.lists(row, min_size=1, max_size=10, unique_by=lambda one: one["id"])
    several = st.builds(sections, rows, st.lists(line(24), min_size=1, max_size=10))
    single = st.builds(lambda rows: [{"title": None, "rows": rows}], rows)
    return st.fixed_dictionaries(
        {
            "type": st.just("list"),
            "body": body(4096),
            "button": line(20),
            "sections": several | single,
            **FRAME,
        }
    )


def link_buttons() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {
            "type": st.just("link_button"),
            "body": body(1024),
            "title": line(20),
            "url": st.sampled_from(["https://shop.example/pay?a=1", "http://shop.example"]),
            **FRAME,
        }
    )


def places() -> st.SearchStrategy[Json]:
    asked = st.fixed_dictionaries({"type": st.just("location_request"), "body": body(1024)})
    sent = st.fixed_dictionaries(
        {
            "type": st.just("location"),
            "latitude": st.floats(-90, 90),
            "longitude": st.floats(-180, 180),
            "name": maybe(line(1000)),
            "address": maybe(line(1000)),
        }
    )
    return asked | sent


def reactions() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {
            "type": st.just("reaction"),
            "whatsapp_message_id": st.just("wamid.HBgL"),
            "emoji": st.sampled_from(["👍", "", "❤️", "👩🏽‍🚀", "🇸🇪", "1️⃣"]),
        }
    )


def templates() -> st.SearchStrategy[Json]:
    flowing = line(1024).filter(lambda text: "     " not in text)
    plain: st.SearchStrategy[Json] = (
        st.fixed_dictionaries({"type": st.just("text"), "text": flowing})
        | st.fixed_dictionaries(
            {
                "type": st.just("currency"),
                "fallback": flowing,
                "code": st.just("USD"),
                "amount_1000": st.integers(0, 10**12),
            }
        )
        | st.fixed_dictionaries({"type": st.just("date_time"), "fallback": flowing})
    )
    file = st.builds(
        lambda kind, source: {"type": kind} | source,
        st.sampled_from(["image", "video", "document"]),
        SOURCES,
    )
    url = st.fixed_dictionaries({"type": st.just("url"), "text": line(2000)})
    quick = st.fixed_dictionaries({"type": st.just("quick_reply"), "payload": line(128)})
    buttons = st.lists(url | quick, max_size=10).map(
        lambda some: [button | {"index": index} for index, button in enumerate(some)]
    )
    return st.fixed_dictionaries(
        {
            "type": st.just("template"),
            "name": st.just("order_ready"),
            "language": st.sampled_from(["en", "en_US", "pt_BR", "fil"]),
            "header": maybe(plain | file),
            "body": st.lists(plain, max_size=5),
            "buttons": buttons,
        }
    )


def contents() -> st.SearchStrategy[Json]:
    return (
        texts()
        | media()
        | buttons()
        | lists()
        | link_buttons()
        | places()
        | reactions()
        | templates()
    )
