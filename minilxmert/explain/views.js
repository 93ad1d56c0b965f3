// What is drawn: chips, picture, lines, matrix and the overview of all heads. Joined to page.js, whose state it reads.
const MOST_TAGS = 5;  // names on the picture: more would hide it

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
  const unit = D.width / Math.min(560, $("picture").clientWidth || 560), strong = shown ? strength(shown, even) : [], parts = [], tags = [];
  const cut = element("mask", { id: "lit" }, element("rect", { width: D.width, height: D.height, fill: "#fff" }));
  const faint = D.boxes.length > 2 * MOST_TAGS ? .15 : .4;  // the edge of a box that nobody looks at
  const order = D.boxes.map((_, i) => i).sort((a, b) => (strong[a] ?? 0) - (strong[b] ?? 0));
  for (const i of order) {
    const [x0, y0, x1, y1] = D.boxes[i], w = strong[i] ?? 0, kept = same(selected(), { side: "objects", index: i });
    const place = { x: x0, y: y0, width: x1 - x0, height: y1 - y0, rx: 2 * unit };
    cut.append(element("rect", { ...place, fill: "#000", "fill-opacity": kept ? 1 : w }));
    parts.push(element("rect", { ...place, class: "halo", "stroke-width": 2.5 + 5 * w, "stroke-opacity": faint + (1 - faint) * w }));
    parts.push(element("rect", { ...place, class: "edge", "stroke-width": 1 + 5 * w, "stroke-opacity": faint + (1 - faint) * w }));
    if (kept) parts.push(element("rect", { ...place, class: "kept", "stroke-width": 3 }));
    if (kept || (shown ? order.indexOf(i) >= order.length - MOST_TAGS && w >= .15 : D.boxes.length <= 2 * MOST_TAGS))
      tags.push(tag(i, unit, D.objects[i] + (shown ? ` ${percent(shown[i])} %` : "")));
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
  $("picture").querySelector(".drawn").replaceChildren(cut, veil, ...parts, ...tags.map(t => t.drawn));
  placeTags(tags, unit);
}

function tag(i, unit, text) {
  const size = 12.5 * unit, paper = element("rect", { class: "tag", height: size * 1.45, rx: 3 * unit });
  return { box: D.boxes[i], size, drawn: element("g", {}, paper, element("text", { "font-size": size }, text)) };
}

// Tags go where they hide least: above their box, below it, or at its top; the last ones drawn matter most, and choose first.
function placeTags(tags, unit) {
  const taken = [], shared = (a, b) => Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) *
    Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  for (const { box, size, drawn } of tags.reverse()) {
    const [paper, text] = drawn.children, high = size * 1.45;
    const width = (text.getComputedTextLength() || .58 * size * text.textContent.length) + 8 * unit;  // 0: not laid out yet
    const x = Math.max(0, Math.min(box[0], D.width - width)), others = D.boxes.filter(b => b !== box);
    const spots = [box[1] - high, box[3], box[1]].map(y => Math.max(0, Math.min(y, D.height - high)))
      .map(y => [x, y, x + width, y + high]);
    const hidden = spot => [...taken, ...taken, ...others].reduce((sum, b) => sum + shared(spot, b), 0);
    const best = spots.reduce((a, b) => hidden(b) < hidden(a) ? b : a);
    taken.push(best);
    for (const [name, value] of [["x", x], ["y", best[1]], ["width", width]]) paper.setAttribute(name, value);
    for (const [name, value] of [["x", x + 4 * unit], ["y", best[1] + size * 1.08]]) text.setAttribute(name, value);
  }
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
    element("text", { class: same(s, { side, index: i }) ? "label here" : "label", x, y: middle(i) + 4,
      "text-anchor": anchor }, shorten(text)),
    element("rect", { class: "hit", x: x < wide / 2 ? 0 : wide - 140, y: middle(i) - 10, width: 140, height: step,
      ...handlers(side, i) })));
  label(rows, f.queries, 136, "end");
  label(columns, f.keys, wide - 136, "start");
  $("lines").setAttribute("viewBox", `0 0 ${wide} ${high}`);
  $("lines").replaceChildren(...parts);
  $("lines-note").textContent = `left: ${f.queries} that look, right: ${f.keys} looked at`;
}

const SIZE = 24, LEFT = 120, TOP = 96;  // of a cell of the matrix, and of the room for its labels

function drawMatrix(f, a, most) {
  const rows = sides[f.queries], columns = sides[f.keys], high = TOP + rows.length * SIZE, wide = columns.length * SIZE;
  const drawnRows = a.map((row, i) => element("g", handlers(f.queries, i), ...row.flatMap((w, j) => cell(w, i, j, most,
    `${rows[i]} → ${columns[j]}: ${percent(w)} %`)),
    element("text", { class: "label", x: LEFT - 6, y: TOP + (i + .5) * SIZE + 4, "text-anchor": "end" }, shorten(rows[i]))));
  const above = columns.map((text, j) => element("text", { class: "label above",
    transform: `translate(${LEFT + (j + .65) * SIZE} ${TOP - 6}) rotate(-55)` }, shorten(text)));
  $("matrix").setAttribute("viewBox", `0 0 ${Math.max(LEFT + wide + 70, 420)} ${high + 4}`);
  $("matrix").replaceChildren(...drawnRows, ...above, element("rect", { class: "grid", x: LEFT, y: TOP, width: wide,
    height: high - TOP }), element("rect", { class: "row" }));
  $("matrix-note").textContent = `rows look, columns are looked at; full colour is ${percent(most)} %`;
  $("views").classList.toggle("wide", Math.max(rows.length, columns.length) > 24);
}

function cell(w, i, j, most, text) {
  const x = LEFT + j * SIZE, y = TOP + i * SIZE;
  const drawn = [element("rect", { class: "cell", x, y, width: SIZE, height: SIZE, "fill-opacity": w / most },
    element("title", {}, text))];
  if (w >= .2 * most) drawn.push(element("text", { class: w > .65 * most ? "over" : "", x: x + SIZE / 2,
    y: y + SIZE / 2 + 3.5, "text-anchor": "middle" }, percent(w)));
  return drawn;
}

function frameMatrix(f) {  // the row or column of what is selected; the cells stay as they are
  const s = selected(), frame = $("matrix").querySelector(".row"), { width, height } = $("matrix").querySelector(".grid").getBBox();
  const onRow = s?.side === f.queries, onColumn = s && !onRow && s.side === f.keys;
  frame.toggleAttribute("hidden", !onRow && !onColumn);
  const place = onRow ? { x: LEFT, y: TOP + s.index * SIZE, width, height: SIZE }
    : onColumn ? { x: LEFT + s.index * SIZE, y: TOP, width: SIZE, height } : {};
  for (const [name, value] of Object.entries(place)) frame.setAttribute(name, value);
  $("matrix").querySelectorAll("g > .label").forEach((label, i) => label.classList.toggle("here", onRow && i === s.index));
  $("matrix").querySelectorAll(".above").forEach((label, j) => label.classList.toggle("here", onColumn && j === s.index));
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
