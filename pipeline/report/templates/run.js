"use strict";

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const facts = read("facts");
const words = read("words");
const others = read("others");
const groups = [...document.querySelectorAll("script.group")];
const parsed = new Map();

/** Images of a hundred cards, parsed when one of them is first shown. */
function group(index) {
  const number = Math.floor(index / words.group);
  if (!parsed.has(number)) {
    parsed.set(number, JSON.parse(groups[number].textContent));
    if (parsed.size > 12) parsed.delete(parsed.keys().next().value);
  }
  return parsed.get(number);
}
const imagesOf = (index) => group(index).cards[index % words.group];
const frameOf = (index) => group(index).frames[facts[index].image];

function make(tag, settings = {}, ...children) {
  const { classes, data, ...rest } = settings;
  const element = Object.assign(document.createElement(tag), rest);
  if (classes) element.className = classes;
  Object.assign(element.dataset, data);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const fixed = (value, digits) => Number(value).toFixed(digits);
const percent = (share) => `${Number((100 * share).toPrecision(2))} %`;
const plainName = (path) => path.slice(path.lastIndexOf("/") + 1);

const facesIn = new Map();
for (const fact of facts) {
  if (fact.face !== undefined) facesIn.set(fact.image, (facesIn.get(fact.image) ?? 0) + 1);
}

/** The rate that a score stands for: a share of faceless crops, or false boxes a frame. */
const rateOf = (fact) => fact.fpPer === "frame" ? `${Number(fact.fp.toPrecision(2))} a frame` : percent(fact.fp);

function titleOf(fact) {
  const name = plainName(fact.image);
  if (fact.face === undefined) return fact.state === "dropped" ? `${name}, candidate` : name;
  return facesIn.get(fact.image) > 1 ? `${name}, face ${fact.face + 1}` : name;
}

/** [name, value] of all that is known of a face, in the order of reading. */
function mapOf(fact) {
  return fact.sigma === undefined
    ? "Uncertainty: bright where mirroring changes the restoration; not calibrated"
    : "Uncertainty: sigma, white from 64 grey levels; calibrated on photographs of LFW";
}

function linesOf(fact) {
  const lines = [["Status", words.states[fact.state]], ["Image", fact.image]];
  const add = (name, value) => value !== undefined && value !== "" && lines.push([name, value]);
  if (fact.px !== undefined) add("Face width", `${fixed(fact.px, 1)} px`);
  add("Size class", fact.dori);
  if (fact.score !== undefined) add("Score", fixed(fact.score, 3));
  if (fact.fp !== undefined) add("False positives at this score", fact.fpPer === "frame" ? rateOf(fact) : `${rateOf(fact)} of faceless crops`);
  add("Found at scale", fact.foundAt);
  add("Upscaler", fact.upscaler === "none" ? "not upscaled" : fact.upscaler);
  if (fact.lr !== undefined) add("LR consistency", `${fixed(fact.lr, 1)} dB`);
  add("Quality", fact.look);
  if (fact.spread !== undefined) add("Spread under mirroring, mean", `${fixed(fact.spread, 1)} grey levels`);
  if (fact.sigma !== undefined) add("Sigma, expected error", `${fixed(fact.sigma, 1)} grey levels`);
  if (fact.near !== undefined) add("Chance that the embedding stays near", fixed(fact.near, 2));
  if (fact.unusual !== undefined) add("More usual training faces", `${fixed(100 * fact.unusual, 0)} %`);
  if (fact.turned !== undefined) add("Turned upright by", `${fixed(fact.turned, 1)}°`);
  if (fact.grey) add("Colour", "grey");
  add(fact.state === "named" ? "Name" : "Closest person (no name given)", fact.name);
  if (fact.distance !== undefined) add("Distance", fixed(fact.distance, 3));
  if (fact.similarity !== undefined) add("Similarity", fixed(fact.similarity, 3));
  if (fact.threshold !== undefined) add(fact.similarity === undefined ? "Threshold" : "Similarity needed", fixed(fact.threshold, 3));
  if (fact.fpir !== undefined) add("FPIR at this threshold", percent(fact.fpir));
  if (fact.frames !== undefined) add("Frames", fact.frames);
  add("Why no name", fact.reason);
  add("Why dropped", fact.dropped);
  if (fact.seconds !== undefined) add("Seconds into the video", fixed(fact.seconds, 2));
  add("Time of day", fact.time);
  add("Track", fact.track);
  if (fact.box) add("Box (left, top, right, bottom)", fact.box.map((edge) => fixed(edge, 1)).join(", "));
  if (fact.size) add("Image size", `${fact.size[0]}×${fact.size[1]} px`);
  add("Error", fact.error);
  return lines;
}

function summaryOf(fact, images) {
  const lines = [];
  const size = fact.px !== undefined ? `${fixed(fact.px, fact.px < 10 ? 1 : 0)} px wide · ${fact.dori}`
    : images.nativePx ? `${images.nativePx.join("×")} px` : "";
  if (size) lines.push(make("p", { textContent: size }));
  const score = [];
  if (fact.score !== undefined) score.push(`score ${fixed(fact.score, 2)}`);
  if (fact.fp !== undefined) score.push(`false positives ${rateOf(fact)}`);
  if (score.length) lines.push(make("p", { classes: "faint", textContent: score.join(" · ") }));
  if (fact.lr !== undefined) {
    const spread = fact.spread === undefined ? "" : ` · spread ${fixed(fact.spread, 1)}`;
    const sigma = fact.sigma === undefined ? "" : ` · sigma ${fixed(fact.sigma, 1)}`;
    lines.push(make("p", { classes: "faint", textContent: `LR consistency ${fixed(fact.lr, 1)} dB${spread}${sigma}` }));
  }
  else if (fact.upscaler === "none") lines.push(make("p", { classes: "faint", textContent: "not upscaled" }));
  if (fact.name) {
    lines.push(make("p", { classes: "who", textContent: fact.state === "named" ? fact.name : `closest: ${fact.name}` }));
    const ruled = fact.similarity !== undefined;
    const figures = [ruled ? `similarity ${fixed(fact.similarity, 2)}` : `distance ${fixed(fact.distance ?? NaN, 2)}`];
    if (fact.threshold !== undefined) figures.push(`${ruled ? "needed" : "threshold"} ${fixed(fact.threshold, 2)}`);
    if (fact.fpir !== undefined) figures.push(`FPIR ${percent(fact.fpir)}`);
    if (fact.frames !== undefined) figures.push(`${fact.frames} frame${fact.frames === 1 ? "" : "s"}`);
    lines.push(make("p", { classes: "faint", textContent: figures.join(" · ") }));
  }
  const when = [fact.time, fact.seconds === undefined ? "" : `${fixed(fact.seconds, 2)} s`].filter(Boolean);
  if (when.length) lines.push(make("p", { classes: "faint", textContent: when.join(" · ") }));
  for (const text of [fact.state === "named" ? "" : fact.reason, fact.dropped, fact.error]) {
    if (text) lines.push(make("p", { textContent: text }));
  }
  return lines;
}

function image(source, alt, size) {
  const picture = make("img", { src: source, alt, loading: "lazy", decoding: "async" });
  if (size) [picture.width, picture.height] = size;
  return picture;
}

/** The slider's value is the share of the restored image that is shown; 0 is native alone. */
function setShare(stage, share) {
  const restored = stage.querySelector(".restored");
  restored.style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  const divider = stage.querySelector(".divider");
  divider.style.left = `${share}%`;
  divider.hidden = share <= 0 || share >= 100;
  stage.querySelector(".side").textContent =
    share <= 0 ? "native pixels" : share >= 100 ? "restored" : "restored | native";
  const slider = stage.querySelector("input");
  slider.value = share;
  slider.setAttribute("aria-valuetext", share <= 0 ? "native pixels only" : `${share} % restored`);
}

function stageOf(index, share) {
  const images = imagesOf(index);
  const title = titleOf(facts[index]);
  const stage = make("div", { classes: "stage" });
  if (!images.native && !images.restored) {
    stage.append(make("p", { classes: "missing", textContent: "no image file" }));
    return stage;
  }
  if (images.native) {
    const label = `${title}, native pixels, ${images.nativePx.join(" by ")}`;
    stage.append(Object.assign(image(images.native, label, images.nativePx), { className: "native" }));
  }
  if (images.restored) {
    const label = `${title}, restored, ${images.restoredPx.join(" by ")}`;
    stage.append(Object.assign(image(images.restored, label, images.restoredPx), { className: "restored" }));
  }
  if (images.spread) {
    const label = `${title}, uncertainty map`;
    stage.append(Object.assign(image(images.spread, label, images.spreadPx), { className: "spread" }));
  } else {
    stage.append(make("p", { classes: "missing spread", textContent: "no uncertainty map" }));
  }
  const side = make("span", { classes: "side", textContent: images.native ? "native pixels" : "restored" });
  stage.append(side);
  if (images.native && images.restored) {
    const slider = make("input", { type: "range", min: 0, max: 100, step: 5, value: share });
    slider.setAttribute("aria-label", `Share restored of ${title}`);
    slider.addEventListener("input", () => setShare(stage, Number(slider.value)));
    stage.append(make("span", { classes: "divider", ariaHidden: "true" }), slider);
    setShare(stage, share);
  }
  return stage;
}

function cardOf(index, share) {
  const fact = facts[index];
  const title = titleOf(fact);
  const open = make("button", { type: "button", textContent: "Open large" });
  open.setAttribute("aria-label", `Open ${title} large`);
  open.addEventListener("click", () => openLarge(index));
  const badge = make("span", { classes: `badge ${fact.state}`, textContent: words.states[fact.state] });
  const heading = make("h3", { textContent: title, title: fact.image });
  const body = make("div", { classes: "body" }, heading, badge, ...summaryOf(fact, imagesOf(index)), open);
  const card = make("article", { classes: "card", data: { index } }, stageOf(index, share), body);
  card.setAttribute("aria-label", `${title}, ${words.states[fact.state]}`);
  return card;
}

// Filters: every field narrows the list; the address keeps them, so that a view can be passed on.
const form = document.getElementById("filters");
const chosen = () => Object.fromEntries(new FormData(form));

const TESTS = {
  text: (fact, value) => `${fact.image} ${fact.name ?? ""}`.toLowerCase().includes(value.toLowerCase()),
  state: (fact, value) => fact.state === value,
  dori: (fact, value) => fact.dori === value,
  name: (fact, value) => fact.name === value,
  look: (fact, value) => fact.look === value,
  spread: (fact, value) => fact.spread !== undefined && fact.spread <= Number(value),
};
for (const field of ["px", "score", "lr"]) {
  TESTS[field] = (fact, value) => fact[field] !== undefined && fact[field] >= Number(value);
}

const wantedNow = () => Object.entries(chosen()).filter(([name, value]) => value !== "" && name in TESTS);

/** Links to the other files of a long report, each with how many of its cards fit. */
function showElsewhere() {
  const wanted = wantedNow();
  const place = document.getElementById("elsewhere");
  place.hidden = !others.length || !wanted.length || wanted.some(([name]) => name === "lr");
  if (place.hidden) return;
  const links = others.map(({ name, facts: theirs }) => {
    const count = theirs.filter((fact) => wanted.every(([field, value]) => TESTS[field](fact, value))).length;
    return count ? make("a", { href: `${name}${location.hash}`, textContent: `${count} in ${name}` }) : null;
  }).filter(Boolean);
  place.replaceChildren(links.length ? "Also fitting:" : "No card of the other files fits.", ...links);
}

function fitting() {
  const wanted = wantedNow();
  const kept = facts.map((_, index) => index)
    .filter((index) => wanted.every(([name, value]) => TESTS[name](facts[index], value)));
  const order = chosen().order;
  const dropped = (index) => facts[index].state === "dropped";
  if (!order) return kept.sort((a, b) => dropped(a) - dropped(b) || a - b);
  const field = order.replace("-", "");
  const sign = order.startsWith("-") || field === "distance" ? 1 : -1;
  const missing = (index) => facts[index][field] === undefined;
  return kept.sort((a, b) => missing(a) - missing(b) || (missing(a) ? 0 : sign * (facts[a][field] - facts[b][field])) || a - b);
}

const cards = document.getElementById("cards");
const perPage = document.getElementById("per-page");
let list = [];
let page = 0;

function show() {
  const size = Number(perPage.value);
  const pages = Math.max(1, Math.ceil(list.length / size));
  page = Math.min(Math.max(0, page), pages - 1);
  const view = document.querySelector("[name=view]:checked").value;
  const share = view === "spread" ? 100 : Number(view);
  cards.classList.toggle("maps", view === "spread");
  cards.replaceChildren(...list.slice(page * size, (page + 1) * size).map((index) => cardOf(index, share)));
  document.getElementById("empty").hidden = list.length > 0;
  document.getElementById("count").textContent = `${list.length} of ${facts.length} cards`;
  document.getElementById("page").textContent = `Page ${page + 1} of ${pages}`;
  document.getElementById("previous").disabled = page === 0;
  document.getElementById("next").disabled = page === pages - 1;
  document.querySelector(".pager").hidden = pages === 1;
}

function filter() {
  list = fitting();
  page = 0;
  const set = Object.entries(chosen()).filter(([, value]) => value !== "");
  const address = set.length ? `#${new URLSearchParams(set)}` : "#";
  if (address !== "#" || location.hash) history.replaceState(null, "", address);
  showElsewhere();
  show();
}

function turn(step) {
  page += step;
  show();
  cards.focus({ preventScroll: true });
  document.getElementById("h-cards").scrollIntoView();
}

// The large view: every image of a face beside each other, the frame with its box, all figures.
const dialog = document.getElementById("large");
let current = 0;

function panel(source, caption, alt, extra) {
  const pane = make("div", { classes: "pane" }, image(source, alt), extra);
  return make("figure", { classes: "panel" }, pane, make("figcaption", { textContent: caption }));
}

function framePanel(index) {
  const fact = facts[index];
  const source = frameOf(index);
  if (!source || !fact.box || !fact.size) return null;
  const [left, top, right, bottom] = fact.box;
  const [width, height] = fact.size;
  const box = make("i", { classes: "box" });
  Object.assign(box.style, {
    left: `${100 * left / width}%`, top: `${100 * top / height}%`,
    width: `${100 * (right - left) / width}%`, height: `${100 * (bottom - top) / height}%`,
  });
  const made = panel(source, `The whole image, ${width}×${height} px`, `${fact.image} with the face's box`, box);
  made.firstChild.classList.add("frame");
  made.firstChild.classList.toggle("smooth", width >= 400);
  made.firstChild.style.maxWidth = `${Math.round(65 * width / height)}vh`;
  return made;
}

function fillLarge(index) {
  current = index;
  const images = imagesOf(index);
  const title = titleOf(facts[index]);
  document.getElementById("large-title").textContent = title;
  dialog.querySelector(".panels").replaceChildren(...[
    images.native && panel(images.native, `Native pixels, ${images.nativePx.join("×")}`, `${title}, native pixels`),
    images.restored && panel(images.restored, `Restored, ${images.restoredPx.join("×")}: not evidence of identity`, `${title}, restored`),
    images.spread && panel(images.spread, mapOf(facts[index]), `${title}, uncertainty map`),
    framePanel(index),
  ].filter(Boolean));
  dialog.querySelector(".facts").replaceChildren(...linesOf(facts[index]).map(([name, value]) =>
    make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value }))));
  const at = list.indexOf(index);
  document.getElementById("before").disabled = at <= 0;
  document.getElementById("after").disabled = at < 0 || at === list.length - 1;
}

function openLarge(index) {
  fillLarge(index);
  if (!dialog.open) dialog.showModal();
}

function step(by) {
  const next = list[list.indexOf(current) + by];
  if (next !== undefined) fillLarge(next);
}

const STRIP_FACES = 60;
const TRACKS_AT_ONCE = 12;

// Tracks: the faces of one person over frames, as a strip.
function showTracks() {
  const tracks = new Map();
  facts.forEach((fact, index) => {
    if (fact.track === undefined || !fact.box) return;
    if (!tracks.has(fact.track)) tracks.set(fact.track, []);
    tracks.get(fact.track).push(index);
  });
  if (!tracks.size) return;
  document.getElementById("tracks").hidden = false;
  const waiting = [...tracks];
  const stripOf = ([track, indices]) => {
    const named = indices.map((index) => facts[index]).find((fact) => fact.state === "named");
    const times = indices.map((index) => facts[index].seconds).filter((value) => value !== undefined);
    const parts = [`Track ${track}`, `${indices.length} frame${indices.length === 1 ? "" : "s"}`];
    if (times.length) parts.push(`${fixed(Math.min(...times), 1)}–${fixed(Math.max(...times), 1)} s`);
    parts.push(named ? named.name : words.command === "identify" ? "no name given" : "");
    const area = (index) => facts[index].box ? (facts[index].box[2] - facts[index].box[0]) * (facts[index].box[3] - facts[index].box[1]) : 0;
    const best = indices.reduce((most, index) => area(index) > area(most) ? index : most);
    const shown = indices.slice(0, STRIP_FACES).filter((index) => imagesOf(index).native);
    if (!shown.includes(best) && imagesOf(best).native) shown.push(best);
    const faces = shown.map((index) => {
      const button = make("button", { type: "button", classes: index === best ? "best" : "" }, image(imagesOf(index).native, ""));
      button.setAttribute("aria-label", `Open ${titleOf(facts[index])} large${index === best ? ", the best frame" : ""}`);
      button.addEventListener("click", () => openLarge(index));
      return button;
    });
    const strip = make("div", { classes: "strip" }, ...faces);
    return make("section", { classes: "track" }, make("h3", { textContent: parts.filter(Boolean).join(" · ") }), strip);
  };
  // A few at a time: images of a hundred cards are parsed for each face that is shown.
  const more = make("button", { type: "button" });
  const showMore = () => {
    document.querySelector(".tracks").append(...waiting.splice(0, TRACKS_AT_ONCE).map(stripOf));
    more.textContent = `Show more of ${waiting.length} tracks`;
    more.hidden = !waiting.length;
  };
  more.addEventListener("click", showMore);
  document.querySelector(".tracks").after(more);
  showMore();
}

/** A filter that no card of this run can be told by is not shown. */
function prepareFilters() {
  for (const label of document.querySelectorAll("[data-needs]")) {
    label.hidden = !facts.some((fact) => fact[label.dataset.needs] !== undefined);
  }
  const states = new Set(facts.map((fact) => fact.state));
  for (const option of [...form.elements.state.options]) {
    if (option.value && !states.has(option.value)) option.remove();
  }
  for (const option of [...form.elements.order.options]) {
    const field = option.value.replace("-", "");
    if (field && !facts.some((fact) => fact[field] !== undefined)) option.remove();
  }
  const names = [...new Set(facts.map((fact) => fact.name).filter(Boolean))].sort();
  form.elements.name.append(...names.map((name) => make("option", { value: name, textContent: name })));
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    if (form.elements[name]) form.elements[name].value = value;
  }
}

form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(filter));
perPage.addEventListener("change", show);
document.getElementById("previous").addEventListener("click", () => turn(-1));
document.getElementById("next").addEventListener("click", () => turn(1));
document.getElementById("close").addEventListener("click", () => dialog.close());
document.getElementById("before").addEventListener("click", () => step(-1));
document.getElementById("after").addEventListener("click", () => step(1));
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
});
for (const radio of document.querySelectorAll("[name=view]")) {
  radio.addEventListener("change", () => {
    const maps = radio.value === "spread";
    cards.classList.toggle("maps", maps);
    for (const stage of document.querySelectorAll(".card .stage:has(input)")) setShare(stage, maps ? 100 : Number(radio.value));
  });
}

document.querySelector(".filters").open = !matchMedia("(max-width: 640px)").matches || location.hash.length > 1;
prepareFilters();
showTracks();
filter();
