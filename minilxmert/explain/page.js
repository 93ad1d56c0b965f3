// The window's behaviour. D is what page.py embeds; state says what is looked at; render() draws all of it anew.
// Text from outside enters by textContent and setAttribute alone, so that it stays text.
const D = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const sides = { words: D.words, objects: D.objects };
const state = { family: "relevance", layer: Infinity, head: "mean", answer: 0, hover: null, kept: null };
const WHERE = "Attention shows where they look, not why.";
const ABOUT = {  // one sentence a view
  language: `Words gather from words, before they have seen the picture. ${WHERE}`,
  objects: `Objects gather from objects, before they know the question. ${WHERE}`,
  words_to_objects: `Words gather from the objects of the picture. ${WHERE}`,
  objects_to_words: `Objects gather from the words of the question. ${WHERE}`,
  cross_language: `Words that have seen the picture gather from words. ${WHERE}`,
  cross_objects: `Objects that know the question gather from objects. ${WHERE}`,
  relevance: "Relevance estimates what the score of an answer rests on. Taking an object away tests it.",
};
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

// --- all of it ---------------------------------------------------------------------------------------------------------

let drawn = {};  // what stands in the matrix and in the overview: they are drawn once, not at every step

function render() {
  const f = family(), shown = weights();
  for (const side of ["words", "objects"]) drawItems(side, shown[side], shown.even[side]);
  drawPicture(shown.objects, shown.even.objects);
  $("status").textContent = sentence(f, shown);
  $("about").textContent = ABOUT[state.family] + (f ? "" : ` ${tested()}`);
  $("steps").hidden = !f;
  [...$("answers").querySelectorAll("button")].forEach((b, i) => b.setAttribute("aria-pressed", !f && i === state.answer));
  $("families").querySelector(`[value="${state.family}"]`).checked = true;
  for (const id of ["views", "all"]) $(id).hidden = !f;
  for (const label of document.querySelectorAll(".step")) label.hidden = !f;
  if (!f) return;
  options($("layer"), f.maps.map((_, l) => [l, `${l + 1} of ${f.maps.length}`]), state.layer);
  options($("head"), [["mean", "mean of all"], ...f.maps[0].map((_, h) => [h, `${h + 1} of ${f.maps[0].length}`])], state.head);
  const a = currentMap(), most = full(a.flat(), 1 / sides[f.keys].length);
  drawLines(f, a, most);
  const shape = `${f.name} ${state.layer} ${state.head}`;
  if (drawn.matrix !== shape) drawMatrix(f, a, most);
  frameMatrix(f);
  if (drawn.overview !== f) drawOverview(f);
  drawn = { matrix: shape, overview: f };
  for (const button of $("overview").querySelectorAll("button"))
    button.setAttribute("aria-pressed", button.dataset.at === `${state.layer} ${state.head}`);
}

function sentence(f, shown) {
  const list = side => shown[side].map((w, i) => [w, sides[side][i]]).sort((a, b) => b[0] - a[0]).slice(0, 3)
    .map(([w, text]) => `${text} ${percent(w)} %`).join(", ");
  const found = ["words", "objects"].filter(side => shown[side]?.length).map(list).join("; ");
  const where = f ? `${f.title}, layer ${state.layer + 1}, ${state.head === "mean" ? "mean of heads" : "head " + (state.head + 1)}`
    : "relevance: gradient × attention through all layers, shares of the words and of the objects";
  return `${shown.says}: ${found || "nothing"} — ${where}`;
}

// What the model says when objects are taken away: the test of the relevance of its first answer.
function tested() {
  const said = D.answers[0].text, s = selected(), named = i => D.question.toLowerCase().includes(D.objects[i].toLowerCase());
  const without = i => `Without “${D.objects[i]}” the model ${D.without[i] === said ? "still " : ""}says “${D.without[i]}”.`;
  if (s?.side === "objects") return without(s.index);
  const all = [...D.objects.keys()], needed = all.filter(i => D.without[i] !== said), spare = all.filter(i => !needed.includes(i) && named(i));
  const why = spare.map(i => `The question names “${D.objects[i]}”, but this answer does not need it: without it the model still says “${said}”.`);
  if (!needed.length && all.length) why.push(`Without any single object the model still says “${said}”.`);
  return [...needed.slice(0, MOST_TAGS).map(without), ...why].join(" ");
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
    onpointerenter: e => e.pointerType !== "touch" && change({ hover: it }), onpointerleave: () => change({ hover: null }),
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
    element("span", {}, a.text), element("span", {}, `${(100 * a.probability).toFixed(1)} %`)))));
  $("doubts").append(...D.doubts.map(text => element("li", {}, `a guess: ${text}`)));
  const choices = [...D.families.map(f => [f.name, f.title]), ["relevance", "relevance: what the answer rests on"]];
  $("families").append(...choices.map(([value, text]) => element("label", {}, element("input", { type: "radio",
    name: "family", value, onchange: () => change({ family: value }) }), " ", text)));
  for (const [side, texts] of Object.entries(sides))
    $(side).append(...texts.map((text, index) => element("button", { type: "button", ...handlers(side, index),
      onkeydown: onKey, onfocus: e => e.target.matches(":focus-visible") && change({ hover: { side, index } }), onblur: () => change({ hover: null }) },
      element("span", {}, text), element("small"))));
  $("layer").addEventListener("change", e => change({ layer: Number(e.target.value) }));
  $("head").addEventListener("change", e => change({ head: e.target.value === "mean" ? "mean" : Number(e.target.value) }));
  $("controls").addEventListener("submit", e => e.preventDefault());
  const recolour = () => { drawn = {}; render(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  for (const event of ["beforeprint", "afterprint", "resize"]) addEventListener(event, recolour);
  change({});
}

build();
