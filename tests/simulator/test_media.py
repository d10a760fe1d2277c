"""Files: businesses upload and fetch, people send; links end, and need the token."""

import base64
import hashlib
from typing import Any

import httpx

from tests.simulator.stage import PHONE_NUMBER_ID, Stage

PICTURE = bytes(range(256)) * 8


async def uploaded(stage: Stage, content: bytes = PICTURE, mime: str = "image/png") -> Any:
    response = await stage.graph(
        "POST",
        f"{PHONE_NUMBER_ID}/media",
        data={"messaging_product": "whatsapp"},
        files={"file": ("cake.png", content, mime)},
    )
    return response.json()


async def test_an_upload_can_be_looked_up_fetched_and_deleted(stage: Stage) -> None:
    media_id = (await uploaded(stage))["id"]
    info = (await stage.graph("GET", media_id)).json()
    assert info["mime_type"] == "image/png"
    assert info["sha256"] == hashlib.sha256(PICTURE).hexdigest()
    assert info["file_size"] == len(PICTURE)
    token = {"Authorization": "Bearer the access token"}
    assert (await stage.http.get(info["url"], headers=token)).content == PICTURE
    assert (await stage.http.get(info["url"])).status_code == 401
    forged = info["url"].replace("hash=", "hash=0")
    assert (await stage.http.get(forged, headers=token)).status_code == 404
    assert (await stage.graph("DELETE", media_id)).json() == {"success": True}
    assert (await stage.graph("GET", media_id)).status_code == 400
    assert (await stage.http.get(info["url"], headers=token)).status_code == 404


async def test_a_link_ends_after_five_minutes(stage: Stage) -> None:
    media_id = (await uploaded(stage))["id"]
    url = (await stage.graph("GET", media_id)).json()["url"]
    await stage.http.post("/simulator/clock", json={"skip_seconds": 301})
    token = {"Authorization": "Bearer the access token"}
    assert (await stage.http.get(url, headers=token)).status_code == 404
    again = (await stage.graph("GET", media_id)).json()["url"]
    assert (await stage.http.get(again, headers=token)).status_code == 200


async def test_media_of_another_business_does_not_exist(stage: Stage) -> None:
    media_id = (await uploaded(stage))["id"]
    await stage.put_number("999", access_token="another token", waba_id="998")
    other = {"Authorization": "Bearer another token"}
    answer = await stage.graph("GET", media_id, headers=other)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


async def test_what_cannot_be_uploaded(stage: Stage) -> None:
    too_large = await uploaded(stage, b"x" * (5 * 1024 * 1024 + 1))
    assert too_large["error"]["code"] == 131053
    assert (await uploaded(stage, b""))["error"]["code"] == 131053
    path = f"{PHONE_NUMBER_ID}/media"
    for request in (
        {"data": {"messaging_product": "whatsapp"}},
        {"files": {"file": ("a.png", b"x", "image/png")}},
        {"content": b"nonsense", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"nonsense", "headers": {"Content-Type": "multipart/form-data"}},
    ):
        response = await stage.graph("POST", path, **request)
        assert 400 <= response.status_code < 500, response.text


async def test_a_picture_from_a_person(stage: Stage) -> None:
    person = await stage.person()
    picture = {
        "content_base64": base64.b64encode(PICTURE).decode(),
        "mime_type": "image/jpeg",
        "caption": "my cake",
    }
    await stage.write(person, type="image", image=picture, text=None)
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    image = stage.receiver.messages()[0]["image"]
    assert image["caption"] == "my cake"
    assert image["mime_type"] == "image/jpeg"
    assert base64.b64decode(image["sha256"]) == hashlib.sha256(PICTURE).digest()
    url = (await stage.graph("GET", f"{image['id']}?phone_number_id={PHONE_NUMBER_ID}")).json()
    token = {"Authorization": "Bearer the access token"}
    assert (await stage.http.get(url["url"], headers=token)).content == PICTURE
    assert (await stage.http.get(image["url"], headers=token)).content == PICTURE


async def test_a_voice_note_uploaded_before(stage: Stage) -> None:
    person = await stage.person()
    file = {"file": ("note.ogg", b"OggS", "audio/ogg; codecs=opus")}
    media = (await stage.http.post("/simulator/media", files=file)).json()
    audio = {"media_id": media["id"], "voice": True}
    await stage.write(person, type="audio", audio=audio, text=None)
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    told = stage.receiver.messages()[0]["audio"]
    assert told["voice"] is True
    assert told["mime_type"] == "audio/ogg; codecs=opus"


async def test_a_page_sent_as_a_document_is_never_rendered(stage: Stage) -> None:
    file = {"file": ("x.html", b"<script>alert(1)</script>", "text/html")}
    media = (await stage.http.post("/simulator/media", files=file)).json()
    shown: httpx.Response = await stage.http.get(f"/simulator/media/{media['id']}")
    assert shown.headers["content-type"] == "application/octet-stream"
    assert shown.headers["content-disposition"].startswith("attachment")
