"use strict";

// The table: every block keeps to itself, so that an oracle never rises among the others.
const table = document.getElementById("figures");
const heads = [...table.querySelectorAll("thead th")];

function compare(a, b, column) {
  const [x, y] = [a, b].map((row) => row.children[column].dataset.value);
  if (column === 0) return x.localeCompare(y);
  if (x === "" || y === "") return (x === "") - (y === "");
  return Number(x) - Number(y);
}

function sortBy(column) {
  const head = heads[column];
  const first = column === 0 ? "ascending" : "descending";
  const other = column === 0 ? "descending" : "ascending";
  const order = head.getAttribute("aria-sort") === first ? other : first;
  heads.forEach((h) => h.setAttribute("aria-sort", h === head ? order : "none"));
  const sign = order === "ascending" ? 1 : -1;
  for (const body of table.querySelectorAll("tbody[data-sortable]")) {
    const missing = (row) => row.children[column].dataset.value === "";
    const rows = [...body.rows].sort((a, b) =>
      missing(a) || missing(b) ? missing(a) - missing(b) : sign * compare(a, b, column));
    body.append(...rows);
  }
}

heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => sortBy(column)));

// The images: two of a card's layers are shown, the right one cut off at the divider.
function show(card) {
  const { before, after } = card.dataset;
  const seen = new Set();
  for (const layer of card.querySelectorAll(".layer")) {
    const view = layer.dataset.view;
    layer.hidden = view !== before && view !== after;
    layer.classList.toggle("after", view === after && view !== before);
    // The right side lies above the left one whatever the order of the methods.
    layer.style.zIndex = view === after ? "1" : "0";
    if (!layer.hidden) seen.add(view);
  }
  const absent = [before, after].filter((view) => !seen.has(view));
  card.querySelector(".absent").hidden = absent.length === 0;
  card.querySelector(".absent").textContent = `no image: ${absent.join(", ")}`;
  const right = card.querySelector(`.layer[data-view="${CSS.escape(after)}"]`);
  card.querySelector("output").textContent = right ? right.dataset.caption : "";
  card.querySelector("footer select").value = after;
}

const cards = [...document.querySelectorAll(".card")];
for (const card of cards) {
  const stage = card.querySelector(".stage");
  stage.querySelector("input").addEventListener("input", (event) => {
    stage.style.setProperty("--cut", `${event.target.value}%`);
  });
  card.querySelector("footer select").addEventListener("change", (event) => {
    card.dataset.after = event.target.value;
    show(card);
  });
}

if (cards.length) {
  const sides = { before: document.getElementById("all-before"), after: document.getElementById("all-after") };
  const boxes = document.getElementById("boxes");
  const all = () => {
    for (const card of cards) {
      for (const [side, select] of Object.entries(sides)) card.dataset[side] = select.value;
      show(card);
    }
    narrow();
  };
  const outcome = document.getElementById("outcome");
  const order = document.getElementById("order");
  const search = document.getElementById("search");
  const right = (card) => card.querySelector(`.layer[data-view="${CSS.escape(card.dataset.after)}"]`);
  const iou = (card) => right(card)?.dataset.iou || "";
  const narrow = () => {
    for (const card of cards) {
      const found = right(card)?.dataset.found;
      const fits = !outcome.value || found === (outcome.value === "found" ? "yes" : "no");
      card.hidden = !fits || !card.dataset.name.toLowerCase().includes(search.value.toLowerCase());
    }
    const sign = { worst: 1, best: -1 }[order.value];
    const last = (card) => iou(card) === "";
    const compared = (a, b) => last(a) - last(b) || sign * (iou(a) - iou(b));
    const sorted = sign ? [...cards].sort(compared) : cards;
    cards[0].parentElement.append(...sorted);
    const count = cards.filter((card) => !card.hidden).length;
    document.getElementById("shown").textContent = `${count} of ${cards.length} shown`;
  };
  for (const control of [outcome, order, search]) control.addEventListener("input", narrow);
  const frames = () => document.body.classList.toggle("no-boxes", !boxes.checked);
  Object.values(sides).forEach((select) => select.addEventListener("change", all));
  boxes.addEventListener("change", frames);
  all();
  frames();
}

// The large view: all versions of one image beside each other.
const dialog = document.getElementById("large");

function openLarge(card) {
  document.getElementById("large-title").textContent = card.dataset.name;
  dialog.querySelector(".panels").replaceChildren(...[...card.querySelectorAll(".layer")].map((layer) => {
    const copy = layer.cloneNode(true);
    copy.hidden = false;
    copy.className = "layer";
    const pane = Object.assign(document.createElement("div"), { className: "pane" });
    pane.style.aspectRatio = card.querySelector(".stage").style.aspectRatio;
    pane.append(copy);
    const figure = document.createElement("figure");
    const words = [layer.dataset.view, layer.dataset.caption].filter(Boolean).join(": ");
    figure.append(pane, Object.assign(document.createElement("figcaption"), { textContent: words }));
    return figure;
  }));
  dialog.showModal();
}

for (const card of cards) card.querySelector(".open").addEventListener("click", () => openLarge(card));
document.getElementById("close").addEventListener("click", () => dialog.close());
