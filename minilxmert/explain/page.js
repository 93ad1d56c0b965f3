"use strict";
// The window's behaviour. D is what page.py embeds; state says what is looked at; render() draws all of it anew.
// Text from outside enters by textContent and setAttribute alone, so that it stays text.
const D = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const sides = { words: D.words, objects: D.objects };
const MOST_TAGS = 5;  // names on the picture: more would hide it
const state = { family: D.start, layer: Infinity, head: "mean", answer: 0, hover: null, kept: null };
const percent = w => w > 0 && w < .005 ? "<1" : String(Math.round(100 * w));

function element(tag, attributes = {}, ...children) {
  const svg = ["g", "rect", "text", "line", "path", "image", "mask", "defs", "title"].includes(tag);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    name.startsWith("on") ? made.addEventListener(name.slice(2), value) : made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// --- what is looked at ------------------------------------------------------------------------------------------------

const family = () => D.families.find(f => f.name === state.family);
const selected = () => state.hover ?? state.kept;
const same = (a, b) => a && b && a.side === b.side && a.index === b.index;

function meanOfHeads(heads) {
  return heads[0].map((row, i) => row.map((_, j) => heads.reduce((sum, a) => sum + a[i][j], 0) / heads.length));
}

function currentMap() {
  const heads = family().maps[state.layer];
  return state.head === "mean" ? meanOfHeads(heads) : heads[state.head];
}

function share(scores) {  // of relevance: parts of one whole
  const sum = scores.reduce((a, b) => a + b, 0);
  return scores.map(s => sum ? s / sum : 0);
}

// The weights to show, {words: […], objects: […]} as far as there are any, and what they say in words.
function weights() {
  const f = family(), s = selected();
  if (!f) {
    const answer = D.answers[state.answer];
    return { words: share(answer.words), objects: share(answer.objects),
      even: { words: 1 / D.words.length, objects: 1 / D.objects.length }, says: `“${answer.text}” rests on` };
  }
  const a = currentMap(), each = 1 / sides[f.keys].length, even = { words: each, objects: each };
  const name = s && `“${sides[s.side][s.index]}”`;
  if (!s || (s.side !== f.queries && s.side !== f.keys)) {
    const column = f.maps.length && a.length ? a[0].map((_, j) => a.reduce((sum, row) => sum + row[j], 0) / a.length) : [];
    const who = s ? `${name} takes no part here; all ${f.queries} together look at` : `all ${f.queries} together look at`;
    return { [f.keys]: column, even, says: who };
  }
  if (s.side === f.queries) return { [f.keys]: a[s.index], even, says: `${name} looks at` };
  return { [f.queries]: a.map(row => row[s.index]), even, says: `${name} is looked at by` };
}

// --- drawing ----------------------------------------------------------------------------------------------------------

// 1 for the largest weight, but even attention stays pale: full strength takes at least three times an even share.
const full = (weights, even) => Math.max(1e-9, ...weights, Math.min(1, 3 * even));
const strength = (row, even) => row.map(w => w / full(row, even));

function drawItems(side, shown, even) {
  const strong = shown ? strength(shown, even) : [];
  [...$(side).children].forEach((item, i) => {
    item.style.setProperty("--weight", strong[i] ?? 0);
    item.querySelector("small").textContent = shown ? percent(shown[i]) : "";
    item.setAttribute("aria-pressed", Boolean(same(selected(), { side, index: i })));
  });
}

function drawPicture(shown, even) {
  const unit = D.width / 560, strong = shown ? strength(shown, even) : [], parts = [], tags = [];
  const cut = element("mask", { id: "lit" }, element("rect", { width: D.width, height: D.height, fill: "#fff" }));
  const order = D.boxes.map((_, i) => i).sort((a, b) => (strong[a] ?? 0) - (strong[b] ?? 0));
  for (const i of order) {
    const [x0, y0, x1, y1] = D.boxes[i], w = strong[i] ?? 0, kept = same(selected(), { side: "objects", index: i });
    const place = { x: x0, y: y0, width: x1 - x0, height: y1 - y0, rx: 2 * unit };
    cut.append(element("rect", { ...place, fill: "#000", "fill-opacity": kept ? 1 : w }));
    parts.push(element("rect", { ...place, class: "halo", "stroke-width": 2.5 + 5 * w, "stroke-opacity": .35 + .65 * w }));
    parts.push(element("rect", { ...place, class: "edge", "stroke-width": 1 + 5 * w, "stroke-opacity": .45 + .55 * w }));
    if (kept) parts.push(element("rect", { ...place, class: "kept", "stroke-width": 3 }));
    if (kept || (shown ? order.indexOf(i) >= order.length - MOST_TAGS && w >= .15 : D.boxes.length <= 2 * MOST_TAGS))
      tags.push(tag(x0, y0, unit, D.objects[i] + (shown ? ` ${percent(shown[i])}` : "")));
  }
  const image = D.image ? [element("image", { href: D.image, width: D.width, height: D.height, preserveAspectRatio: "none",
    style: D.width < 300 ? "image-rendering: pixelated" : "" })] : [];
  const veil = element("rect", { class: "veil", width: D.width, height: D.height, mask: "url(#lit)",
    opacity: shown ? .6 : 0 });
  const bySize = D.boxes.map((b, i) => [i, (b[2] - b[0]) * (b[3] - b[1])]).sort((a, b) => b[1] - a[1]);
  const hits = bySize.map(([i]) => {
    const [x0, y0, x1, y1] = D.boxes[i];
    return element("rect", { class: "box", x: x0, y: y0, width: x1 - x0, height: y1 - y0, ...handlers("objects", i) });
  });
  const veiled = $("picture").querySelector(".hits");
  if (!veiled) $("picture").append(...image, element("g", { class: "drawn" }), element("g", { class: "hits" }, ...hits));
  $("picture").querySelector(".drawn").replaceChildren(cut, veil, ...parts, ...tags);
  tags.forEach(g => fit(g, unit));
}

function fit(g, unit) {  // a tag as wide as its text, inside the picture
  const [paper, text] = g.children, width = text.getComputedTextLength() + 8 * unit;
  const left = Math.max(0, Math.min(Number(paper.getAttribute("x")), D.width - width));
  paper.setAttribute("width", width);
  paper.setAttribute("x", left);
  text.setAttribute("x", left + 4 * unit);
}

function tag(x, y, unit, text) {
  const size = 12.5 * unit, high = size * 1.45, top = Math.max(0, y - high);
  return element("g", {}, element("rect", { class: "tag", x, y: top, height: high, rx: 3 * unit }),
    element("text", { y: top + size * 1.08, "font-size": size }, text));
}

const shorten = text => text.length > 16 ? text.slice(0, 15) + "…" : text;

function drawLines(f, a, most) {
  const rows = sides[f.queries], columns = sides[f.keys], step = 20, wide = 420, s = selected(), parts = [];
  const high = Math.max(rows.length, columns.length) * step + 8, middle = i => i * step + 14;
  const onRow = s && s.side === f.queries, onColumn = s && !onRow && s.side === f.keys;
  a.forEach((row, i) => row.forEach((w, j) => {
    if (w < .03 * most || (onRow && i !== s.index) || (onColumn && j !== s.index)) return;
    parts.push(element("line", { class: "line", x1: 142, x2: wide - 142, y1: middle(i), y2: middle(j),
      "stroke-width": .5 + 4 * w / most, "stroke-opacity": (w / most) ** 1.5 }));
  }));
  const label = (texts, side, x, anchor) => texts.forEach((text, i) => parts.push(
    element("text", { x, y: middle(i) + 4, "text-anchor": anchor, "font-size": 13,
      "font-weight": same(s, { side, index: i }) ? 700 : 400 }, shorten(text)),
    element("rect", { class: "hit", x: x < wide / 2 ? 0 : wide - 140, y: middle(i) - 10, width: 140, height: step,
      ...handlers(side, i) })));
  label(rows, f.queries, 136, "end");
  label(columns, f.keys, wide - 136, "start");
  $("lines").setAttribute("viewBox", `0 0 ${wide} ${high}`);
  $("lines").replaceChildren(...parts);
  $("lines-note").textContent = `left: ${f.queries} that look, right: ${f.keys} looked at`;
}

function drawMatrix(f, a, most) {
  const rows = sides[f.queries], columns = sides[f.keys], size = 24, left = 120, top = 96, s = selected(), parts = [];
  a.forEach((row, i) => row.forEach((w, j) => {
    parts.push(element("rect", { class: "cell", x: left + j * size, y: top + i * size, width: size, height: size,
      "fill-opacity": w / most }));
    if (w >= .2 * most) parts.push(element("text", { class: w > .65 * most ? "over" : "", x: left + (j + .5) * size,
      y: top + (i + .5) * size + 3.5, "text-anchor": "middle", "font-size": 9.5 }, percent(w)));
    parts.push(element("rect", { class: "hit", x: left + j * size, y: top + i * size, width: size, height: size,
      ...handlers(f.queries, i) }, element("title", {}, `${rows[i]} → ${columns[j]}: ${percent(w)} %`)));
  }));
  rows.forEach((text, i) => parts.push(element("text", { x: left - 6, y: top + (i + .5) * size + 4, "text-anchor": "end",
    "font-size": 13, "font-weight": same(s, { side: f.queries, index: i }) ? 700 : 400 }, shorten(text))));
  columns.forEach((text, j) => parts.push(element("text", { "font-size": 13, "font-weight":
    f.keys !== f.queries && same(s, { side: f.keys, index: j }) ? 700 : 400,
    transform: `translate(${left + (j + .65) * size} ${top - 6}) rotate(-55)` }, shorten(text))));
  const wide = columns.length * size, high = rows.length * size;
  parts.push(element("rect", { class: "grid", x: left, y: top, width: wide, height: high }));
  if (s?.side === f.queries)
    parts.push(element("rect", { class: "row", x: left, y: top + s.index * size, width: wide, height: size }));
  else if (s?.side === f.keys)
    parts.push(element("rect", { class: "row", x: left + s.index * size, y: top, width: size, height: high }));
  $("matrix").setAttribute("viewBox", `0 0 ${Math.max(left + wide + 70, 420)} ${top + high + 4}`);
  $("matrix").replaceChildren(...parts);
  $("matrix-note").textContent = `rows look, columns are looked at; full colour is ${percent(most)} %`;
}

function drawOverview(f) {
  const hue = getComputedStyle(document.documentElement).getPropertyValue("--hue"), heads = f.maps[0]?.length ?? 0;
  $("overview").style.gridTemplateColumns = `auto repeat(${heads}, minmax(44px, 84px))`;
  const cells = [element("span"), ...Array.from({ length: heads }, (_, h) => element("span", {}, `head ${h + 1}`))];
  f.maps.forEach((layer, l) => {
    cells.push(element("span", {}, `layer ${l + 1}`));
    layer.forEach((a, h) => {
      const canvas = element("canvas", { width: a[0]?.length || 1, height: a.length || 1 }), ink = canvas.getContext("2d");
      ink.fillStyle = hue;
      a.forEach((row, i) => row.forEach((w, j) => { ink.globalAlpha = Math.sqrt(w); ink.fillRect(j, i, 1, 1); }));
      const mark = f.marks[l][h], name = `layer ${l + 1}, head ${h + 1}${mark ? ": " + mark : ""}`;
      cells.push(element("button", { type: "button", "aria-label": name, title: name, "data-at": `${l} ${h}`,
        onclick: () => change({ layer: l, head: h }) }, canvas, element("small", {}, mark)));
    });
  });
  $("overview").replaceChildren(...cells);
}

let overviewOf = null;  // the family whose small squares stand there: they are drawn once, not at every step

function render() {
  const f = family(), shown = weights();
  for (const side of ["words", "objects"]) drawItems(side, shown[side], shown.even[side]);
  drawPicture(shown.objects, shown.even.objects);
  $("status").textContent = sentence(f, shown);
  [...$("answers").querySelectorAll("button")].forEach((b, i) => b.setAttribute("aria-pressed", !f && i === state.answer));
  $("families").querySelector(`[value="${state.family}"]`).checked = true;
  for (const id of ["views", "all"]) $(id).hidden = !f;
  for (const label of document.querySelectorAll(".step")) label.hidden = !f;
  if (!f) return;
  options($("layer"), f.maps.map((_, l) => [l, `${l + 1} of ${f.maps.length}`]), state.layer);
  options($("head"), [["mean", "mean of all"], ...f.maps[0].map((_, h) => [h, `${h + 1} of ${f.maps[0].length}`])], state.head);
  const a = currentMap(), most = full(a.flat(), 1 / sides[f.keys].length);
  drawLines(f, a, most);
  drawMatrix(f, a, most);
  if (overviewOf !== f) drawOverview(overviewOf = f);
  for (const button of $("overview").querySelectorAll("button"))
    button.setAttribute("aria-pressed", button.dataset.at === `${state.layer} ${state.head}`);
}

function sentence(f, shown) {
  const list = side => shown[side].map((w, i) => [w, sides[side][i]]).sort((a, b) => b[0] - a[0]).slice(0, 3)
    .map(([w, text]) => `${text} ${percent(w)} %`).join(", ");
  const found = ["words", "objects"].filter(side => shown[side]?.length).map(list).join("; ");
  const where = f ? `${f.title}, layer ${state.layer + 1}, ${state.head === "mean" ? "mean of heads" : "head " + (state.head + 1)}`
    : "relevance: gradient × attention through all layers, shares of the words and of the objects";
  return `${shown.says}: ${found || "nothing"} — ${where}`;
}

function options(select, pairs, value) {
  select.replaceChildren(...pairs.map(([v, text]) => element("option", { value: v }, text)));
  select.value = value;
}

// --- moving about -----------------------------------------------------------------------------------------------------

function change(changes) {
  Object.assign(state, changes);
  const f = family();
  if (f) {
    state.layer = Math.max(0, Math.min(state.layer, f.maps.length - 1));
    if (state.head !== "mean") state.head = Math.max(0, Math.min(state.head, f.maps[0].length - 1));
  }
  render();
}

function handlers(side, index) {
  const it = { side, index };
  return {
    onmouseenter: () => change({ hover: it }), onmouseleave: () => change({ hover: null }),
    onclick: () => change({ kept: same(state.kept, it) ? null : it }),
  };
}

function steps(key) {  // a key on a word or object -> what it changes, or nothing
  const heads = family() ? family().maps[0].length : 0, at = state.head === "mean" ? -1 : state.head;
  const head = h => ({ head: h < 0 ? "mean" : Math.min(h, heads - 1) });
  return { ArrowUp: { layer: state.layer - 1 }, ArrowDown: { layer: state.layer + 1 }, PageUp: head(Math.max(at - 1, -1)),
    PageDown: head(at + 1), Escape: { kept: null, hover: null } }[key];
}

function onKey(event) {
  const beside = { ArrowLeft: "previousElementSibling", ArrowRight: "nextElementSibling" }[event.key];
  const changes = steps(event.key);
  if (beside) event.currentTarget[beside]?.focus();
  else if (changes && (family() || event.key === "Escape")) change(changes);
  if (beside || changes) event.preventDefault();
}

function build() {
  $("question").textContent = D.question;
  $("model").textContent = D.model;
  $("picture").setAttribute("viewBox", `0 0 ${D.width} ${D.height}`);
  $("answers").append(...D.answers.map((a, i) => element("li", {}, element("button", { type: "button",
    style: `--share: ${100 * a.probability}%`, title: "what does this answer rest on?",
    onclick: () => change({ family: "relevance", answer: i }) },
    element("span", {}, a.text), element("span", {}, `${(100 * a.probability).toFixed(1)} %`)))));
  const choices = [...D.families.map(f => [f.name, f.title]), ["relevance", "relevance: what the answer rests on"]];
  $("families").append(...choices.map(([value, text]) => element("label", {}, element("input", { type: "radio",
    name: "family", value, onchange: () => change({ family: value }) }), " ", text)));
  for (const [side, texts] of Object.entries(sides))
    $(side).append(...texts.map((text, index) => element("button", { type: "button", ...handlers(side, index),
      onkeydown: onKey, onfocus: () => change({ hover: { side, index } }), onblur: () => change({ hover: null }) },
      element("span", {}, text), element("small"))));
  $("layer").addEventListener("change", e => change({ layer: Number(e.target.value) }));
  $("head").addEventListener("change", e => change({ head: e.target.value === "mean" ? "mean" : Number(e.target.value) }));
  $("controls").addEventListener("submit", e => e.preventDefault());
  const recolour = () => { overviewOf = null; render(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  addEventListener("beforeprint", recolour);
  addEventListener("afterprint", recolour);
  change({});
}

build();
