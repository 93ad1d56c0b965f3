"""The window: what is embedded, that nothing outside gets in as markup, and how it behaves in a headless Chromium."""

import base64
import html
import importlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from browser import browser, in_browser

from minilxmert import FeatureFileError, LxmertConfig, LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.ask import ask
from minilxmert.cli import main
from minilxmert.explain import page as explain_page
from minilxmert.explain.attention import FAMILIES, attention
from minilxmert.explain.page import Window, tell_apart, window
from minilxmert.vision.features import open_features
from minilxmert.vision.objects import Objects
from minilxmert.vision.pictures import read_picture, write_png

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "tests" / "sample"
MODEL, TOKENIZER = LxmertForQuestionAnswering.from_pretrained(WEIGHTS), LxmertTokenizer.from_pretrained(WEIGHTS)
KITCHEN = open_features(WEIGHTS / "objects.tsv")["kitchen"]
QUESTION = "what color is the cup ?"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)  # enough of one to be embedded


@pytest.fixture(scope="module")
def page():
    return window(MODEL, TOKENIZER, QUESTION, KITCHEN)


def embedded(text):
    """The data of a page, read back from its HTML."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_what_is_embedded(page):
    data, maps = embedded(page.html), attention(MODEL, TOKENIZER, QUESTION, KITCHEN)
    assert data == page.data and data["question"] == QUESTION and data["words"] == maps.words
    assert [family["name"] for family in data["families"]] == list(FAMILIES)
    for family in data["families"]:
        np.testing.assert_allclose(family["maps"], maps[family["name"]], atol=5.1e-5)
        assert np.shape(family["marks"]) == maps[family["name"]].shape[:2]
    best = ask(MODEL, TOKENIZER, [QUESTION], [KITCHEN])[0]
    assert data["doubts"] == ["the model is unsure"]  # its weights are random
    assert [a["text"] for a in data["answers"]] == [a.text for a in best]
    np.testing.assert_allclose([a["probability"] for a in data["answers"]], [a.probability for a in best], atol=1e-4)
    assert len({tuple(a["objects"]) for a in data["answers"]}) == 5  # every answer has a relevance of its own
    np.testing.assert_allclose(data["boxes"], KITCHEN.boxes, atol=1e-3)
    assert (data["width"], data["height"]) == (KITCHEN.width, KITCHEN.height)


def test_a_large_picture_is_shrunk(monkeypatch, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 63, 3), np.uint8)
    write_png(tmp_path / "large.png", pixels)
    monkeypatch.setattr(explain_page, "LARGEST_PICTURE", 100)
    monkeypatch.setattr(explain_page, "LONGEST_SIDE", 32)
    uri = window(MODEL, TOKENIZER, QUESTION, KITCHEN, tmp_path / "large.png").data["image"]
    (tmp_path / "small.png").write_bytes(base64.b64decode(uri.removeprefix("data:image/png;base64,")))
    small = read_picture(tmp_path / "small.png")
    assert small.shape == (20, 32, 3)
    np.testing.assert_allclose(small[3, 5], pixels[6:8, 10:12].mean((0, 1)), atol=0.5)
    np.testing.assert_allclose(small[3, 31], pixels[6:8, 62].mean(0), atol=0.5)  # the last is half as wide


def test_the_page_fetches_nothing(page):
    without_data = page.html.replace(json.dumps(QUESTION), "")
    assert not re.findall(
        r"""(?:src|href)\s*=\s*["'](?!#)|@import|url\((?!#)|https?:(?!//www\.w3\.org)""", without_data
    )
    assert "default-src 'none'" in page.html and "{{" not in page.html


def test_the_picture_is_embedded(tmp_path):
    (tmp_path / "kitchen.png").write_bytes(PNG)
    for picture in (PNG, tmp_path / "kitchen.png"):
        uri = window(MODEL, TOKENIZER, QUESTION, KITCHEN, picture).data["image"]
        assert uri.startswith("data:image/png;base64,iVBORw0KGgo")
    assert window(MODEL, TOKENIZER, QUESTION, KITCHEN, b"\xff\xd8\xff\xe0").data["image"].startswith("data:image/jpeg")
    with pytest.raises(FeatureFileError, match="PNG or JPEG"):
        window(MODEL, TOKENIZER, QUESTION, KITCHEN, b"<svg onload=alert(1)>")
    with pytest.raises(FeatureFileError, match="absent"):
        window(MODEL, TOKENIZER, QUESTION, KITCHEN, tmp_path / "absent.png")


def test_in_a_notebook_and_on_disk(page, tmp_path):
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page.html
    frame = page._repr_html_()
    assert html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1]) == page.html and 'sandbox="allow-scripts"' in frame
    assert repr(page).startswith("<Window on 'what color is the cup ?'") and isinstance(page, Window)


def test_equal_names_are_told_apart():
    assert tell_apart(["cup", "hat", "cup"]) == ["cup #1", "hat", "cup #2"]


def test_the_command(tmp_path, capsys):
    features, out = WEIGHTS / "objects.tsv", tmp_path / "page.html"
    arguments = [
        "--weights",
        WEIGHTS,
        "--features",
        features,
        "--image",
        "garden",
        "--question",
        QUESTION,
        "--out",
        out,
    ]
    assert main(["show", *map(str, arguments)]) == 0
    assert embedded(out.read_text(encoding="utf-8"))["question"] == QUESTION
    assert str(out) in capsys.readouterr().out
    arguments[5] = "attic"
    assert main(["show", *map(str, arguments)]) == 1 and "attic" in capsys.readouterr().err


@pytest.mark.skipif(not (ROOT / "minilxmert" / "scenes").exists(), reason="no room for drawn scenes in this house")
def test_the_command_on_a_drawn_scene(tmp_path, capsys):
    """A PNG alone: its objects are found by the detector, and the page shows the picture itself."""
    pictures, detector = (importlib.import_module(f"minilxmert.{room}") for room in ("pictures", "scenes.detector"))
    picture = np.full((48, 64, 3), 205, np.uint8)
    picture[10:20, 5:15], picture[25:40, 40:55] = (220, 40, 40), (50, 80, 220)
    pictures.write_png(tmp_path / "scene.png", picture)
    sizes = dict(hidden_size=8, num_attention_heads=2, num_qa_labels=3, intermediate_size=8, l_layers=1, x_layers=1)
    config = LxmertConfig(vocab_size=len(TOKENIZER), r_layers=1, visual_feat_dim=detector.WIDTH, **sizes)
    LxmertForQuestionAnswering(config).save_pretrained(tmp_path / "model")
    shutil.copy(WEIGHTS / "vocab.txt", tmp_path / "model")
    out = tmp_path / "page.html"
    arguments = ["--weights", tmp_path / "model", "--image", tmp_path / "scene.png", "--question", QUESTION]
    assert main(["show", *map(str, arguments), "--out", str(out)]) == 0, capsys.readouterr().err
    data = embedded(out.read_text(encoding="utf-8"))
    assert sorted(data["objects"]) == ["blue square", "red square"] and data["image"].startswith(
        "data:image/png;base64,"
    )


NASTY = (
    """</script><script>document.body.dataset.hacked=1</script><img src=x onerror="document.body.dataset.hacked=1">"""
)


def hostile():
    """A page whose every text from outside tries to become markup."""
    model = LxmertForQuestionAnswering.from_pretrained(WEIGHTS)
    model.answers = [f"<b>{NASTY}</b> {{{{script}}}} {i}" for i in range(model.config.num_qa_labels)]
    names = [f'" onmouseover="x {NASTY} <!-- {i}' for i in range(len(KITCHEN))]
    objects = Objects(NASTY, KITCHEN.width, KITCHEN.height, KITCHEN.boxes, KITCHEN.features)
    return window(model, TOKENIZER, f"what is {NASTY} {{{{data}}}} ?", objects, names=names)


def test_markup_in_texts_stays_text():
    page = hostile()
    assert embedded(page.html) == page.data  # nothing ended the script element early
    assert page.html.count("<script") == 2 and page.html.count("</script>") == 2 and "<img" not in page.html
    assert "<!--" not in page.html


# --- in the browser ---------------------------------------------------------------------------------------------------


def percents(weights):
    """As the page writes them, with their half-way neighbours: rounding to four digits may tip a number over."""
    return [
        {f"{100 * w + d:.0f}" if w else "0" for d in (-0.006, 0.006)} | ({"<1"} if w < 0.0051 else set())
        for w in weights
    ]


def assert_percents(found, weights):
    assert len(found) == len(weights)
    for text, possible in zip(found, percents(weights), strict=True):
        assert text in possible


@browser
def test_pointing_at_words_and_objects(page, tmp_path):
    found = in_browser(page.html, """
        find("[value=words_to_objects]").click();
        const result = { start: [find("#status").textContent, numbers("objects"), numbers("words")] };
        result.counts = ["#words button", "#objects button", "#answers button", "#picture .box", "#overview canvas",
          "#families input", "#matrix .cell"].map(s => all(s).length);
        fire(all("#words button")[5], "pointerenter");
        result.word = [find("#status").textContent, numbers("objects"), numbers("words")];
        result.lines = all("#lines .line").length;
        fire(all("#words button")[5], "pointerleave");
        fire(all("#picture .box")[0], "pointerenter");
        result.object = [find("#status").textContent, numbers("objects"), numbers("words")];
        fire(all("#picture .box")[0], "pointerleave");
        result.end = numbers("objects");
        fire(all("#words button")[2], "click");
        result.kept = [all("[aria-pressed=true]").map(b => b.textContent.trim()), numbers("objects")];
        pick(find("#layer"), "0"); pick(find("#head"), "3");
        result.head = numbers("objects");
        all("#overview button")[5].click();
        result.overview = [where(), numbers("objects")];
        return result;""", tmp_path)  # fmt: skip
    maps = attention(MODEL, TOKENIZER, QUESTION, KITCHEN)["words_to_objects"]
    mean = maps[-1].mean(0)
    assert found["counts"] == [8, 12, 5, 12, 8, 7, 8 * 12]
    assert found["start"][0].startswith("all words together look at: ")
    assert_percents(found["start"][1], mean.mean(0))
    assert found["word"][0].startswith("“cup” looks at: ") and "layer 2, mean of heads" in found["word"][0]
    assert_percents(found["word"][1], mean[5])
    assert found["word"][2] == [""] * 8 and 0 < found["lines"] <= 12
    largest = int(np.argmax((KITCHEN.boxes[:, 2:] - KITCHEN.boxes[:, :2]).prod(1)))  # drawn first, under the others
    assert found["object"][0].startswith(f"“object {largest + 1}” is looked at by: ")
    assert_percents(found["object"][2], mean[:, largest])
    assert found["object"][1] == [""] * 12 and found["end"] == found["start"][1]
    assert_percents(found["kept"][1], mean[2])
    assert found["kept"][0] == ["color"]
    assert_percents(found["head"], maps[0, 3, 2])
    assert found["overview"][0] == ["1", "1"]
    assert_percents(found["overview"][1], maps[1, 1, 2])


@browser
def test_it_opens_on_relevance_and_says_what_was_tested(page, tmp_path):
    """One sentence a view; the answer's relevance, and what the model says without each object."""
    found = in_browser(page.html, """
        const result = { view: find("#families :checked").value, status: find("#status").textContent,
          about: find("#about").textContent, steps: find("#steps").hidden, each: [], views: {} };
        const about = () => find("#about").textContent;
        for (const box of all("#objects button")) {
          fire(box, "pointerenter"); result.each.push(about()); fire(box, "pointerleave");
        }
        for (const input of all("#families input")) { input.click(); result.views[input.value] = about(); }
        result.touch = (fire(all("#words button")[5], "pointerenter", "touch"), find("#status").textContent);
        return result;""", tmp_path)  # fmt: skip
    said = page.data["answers"][0]["text"]
    assert found["view"] == "relevance" and found["status"].startswith(f"“{said}” rests on") and found["steps"]
    assert found["touch"].startswith(f"“{said}” rests on")  # a finger that scrolls points at nothing
    for line, name, text in zip(found["each"], page.data["objects"], page.data["without"], strict=True):
        assert line.endswith(f"Without “{name}” the model {'still ' * (text == said)}says “{text}”.")
    assert len(set(found["views"].values())) == 7
    assert all(("not why" in text) == (name != "relevance") for name, text in found["views"].items())


def test_what_is_said_without_an_object_is_what_the_model_says(page):
    for number, text in enumerate(page.data["without"]):
        rest = np.delete(np.arange(len(KITCHEN)), number)
        left = Objects("kitchen", KITCHEN.width, KITCHEN.height, KITCHEN.boxes[rest], KITCHEN.features[rest])
        assert ask(MODEL, TOKENIZER, [QUESTION], [left])[0][0].text == text
    one = Objects("one", KITCHEN.width, KITCHEN.height, KITCHEN.boxes[:1], KITCHEN.features[:1])
    nobody = Objects("none", KITCHEN.width, KITCHEN.height, KITCHEN.boxes[:0], KITCHEN.features[:0])
    alone = window(MODEL, TOKENIZER, QUESTION, one).data["without"]
    assert alone == [ask(MODEL, TOKENIZER, [QUESTION], [nobody])[0][0].text]


@browser
@pytest.mark.parametrize("width, hover, shown", [(390, 1, "touch"), (1280, 2, "keys")])
def test_words_for_touch_on_a_phone_and_nothing_wider_than_the_screen(page, tmp_path, width, hover, shown):
    found = in_browser(page.html, """
        const wide = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
        const result = { help: all(".help").filter(p => p.offsetHeight).map(p => p.textContent), over: [wide()] };
        for (const input of all("#families input")) { input.click(); result.over.push(wide()); }
        return result;""", tmp_path, f"--window-size={width},844",
        f"--blink-settings=primaryHoverType={hover},availableHoverTypes={hover}")  # fmt: skip
    assert len(found["help"]) == 1 and ("PgUp" in found["help"][0]) == (shown == "keys")
    assert ("Tap" in found["help"][0]) == (shown == "touch") and max(found["over"]) <= 0


@browser
def test_every_family_and_relevance(page, tmp_path):
    found = in_browser(page.html, """
        const result = {};
        for (const input of all("#families input")) {
          input.click();
          fire(all("#objects button")[1], "pointerenter");
          result[input.value] = [numbers("words"), numbers("objects"), find("#views").hidden];
          fire(all("#objects button")[1], "pointerleave");
        }
        all("#answers button")[2].click();
        result.third = [find("#status").textContent, numbers("words"), numbers("objects")];
        return result;""", tmp_path)  # fmt: skip
    maps = attention(MODEL, TOKENIZER, QUESTION, KITCHEN)
    # the object encoder has one layer, and the families after it stay at the first, too
    assert_percents(found["objects"][1], maps["objects"][-1].mean(0)[1])
    assert_percents(found["cross_objects"][1], maps["cross_objects"][0].mean(0)[1])
    assert_percents(found["objects_to_words"][0], maps["objects_to_words"][0].mean(0)[1])
    assert_percents(found["words_to_objects"][0], maps["words_to_objects"][0].mean(0)[:, 1])
    assert_percents(found["language"][0], maps["language"][-1].mean((0, 1)))  # objects take no part: all words
    assert found["language"][1] == [""] * 12 and not found["language"][2] and found["relevance"][2]
    answer = page.data["answers"][2]
    assert found["third"][0].startswith(f"“{answer['text']}” rests on: ")
    for side, shown in (("words", found["third"][1]), ("objects", found["third"][2])):
        assert_percents(shown, np.array(answer[side]) / sum(answer[side]))


@browser
def test_the_keyboard(page, tmp_path):
    found = in_browser(page.html, """
        const result = {}, words = all("#words button");
        find("[value=words_to_objects]").click();
        words[0].focus();
        press("ArrowRight"); press("ArrowRight");
        result.at = [document.activeElement.textContent, find("#status").textContent];
        press("ArrowLeft");
        result.back = document.activeElement.textContent;
        press("ArrowUp"); press("ArrowUp"); result.up = where();
        press("PageDown"); press("PageDown"); result.down = where();
        for (let i = 0; i < 9; i++) { press("PageDown"); press("ArrowDown"); }
        result.far = where();
        for (let i = 0; i < 9; i++) press("PageUp");
        result.mean = where();
        document.activeElement.click(); document.activeElement.blur();
        result.kept = find("#status").textContent;
        words[4].focus(); press("Escape"); words[4].blur();
        result.released = find("#status").textContent;
        result.reachable = all("button, select, input").every(x => x.tabIndex === 0);
        return result;""", tmp_path)  # fmt: skip
    assert found["at"][0] == "color" and found["at"][1].startswith("“color” looks at")
    assert found["back"] == "what" and found["up"] == ["0", "mean"] and found["down"] == ["0", "1"]
    assert found["far"] == ["1", "3"] and found["mean"] == ["1", "mean"]
    assert found["kept"].startswith("“what” looks at") and found["released"].startswith("all words together")
    assert found["reachable"]


@browser
def test_hostile_texts_in_the_browser(tmp_path):
    found = in_browser(hostile().html, """
        for (const item of all("#words button, #objects button")) fire(item, "pointerenter");
        for (const input of all("#families input")) input.click();
        return { hacked: document.body.dataset.hacked ?? null, images: all("img, b").length,
          scripts: all("script").length, answer: find("#answers span").textContent, title: document.title };
        """, tmp_path)  # fmt: skip
    assert found["hacked"] is None and found["images"] == 0 and found["scripts"] == 4
    assert found["answer"].startswith(f"<b>{NASTY}</b> {{{{script}}}}") and NASTY in found["title"]


@browser
def test_dark_and_light(page, tmp_path):
    colours = """const colours = s => { const c = getComputedStyle(find(s)); return c.color + c.backgroundColor; };
        return ["body", "#answers button"].map(colours);"""
    light = in_browser(page.html, colours, tmp_path)
    dark = in_browser(page.html, colours, tmp_path, "--blink-settings=preferredColorScheme=0")
    assert light[0] == "rgb(22, 32, 43)rgb(255, 255, 255)" and dark[0] == "rgb(233, 238, 244)rgb(18, 23, 29)"
    assert all(a != b for a, b in zip(light, dark, strict=True))


@browser
def test_pictures_without_objects_and_models_without_layers(tmp_path):
    empty = Objects("empty", 64, 48, np.zeros((0, 4), np.float32), np.zeros((0, 2048), np.float32))
    script = """for (const input of all("#families input")) { input.click();
        for (const item of all("#words button")) { fire(item, "pointerenter"); fire(item, "pointerleave"); } }
        return all("#families input").map(x => x.value);"""
    assert in_browser(window(MODEL, TOKENIZER, QUESTION, empty).html, script, tmp_path) == [
        "language", "cross_language", "relevance"
    ]  # fmt: skip
    config = LxmertConfig(
        vocab_size=len(TOKENIZER), hidden_size=8, num_attention_heads=2, num_qa_labels=3, intermediate_size=8,
        max_position_embeddings=16, l_layers=0, x_layers=0, r_layers=0,
    )  # fmt: skip
    bare = window(LxmertForQuestionAnswering(config), TOKENIZER, QUESTION, KITCHEN)
    assert in_browser(bare.html, script, tmp_path) == ["relevance"]
