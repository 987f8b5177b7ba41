"use strict";

const byId = (id) => document.getElementById(id);
const form = byId("form");
const HEADERS = { "X-Sr-Pipeline": "1" };
const STATES = { waiting: "Waiting for the run before it", running: "Running", done: "Done", failed: "Failed", stopped: "Stopped" };
let current = null;

/** Files to send by field: those of the inputs, or those that were dropped. */
const files = { images: [], gallery: [] };

function say(field) {
  const list = files[field];
  const bytes = list.reduce((sum, { file }) => sum + file.size, 0);
  byId(`chosen-${field}`).textContent = list.length
    ? `${list.length} file${list.length === 1 ? "" : "s"}, ${(bytes / 1e6).toFixed(1)} MB` : "none chosen";
}

function take(field, list) {
  files[field] = [...list].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
  say(field);
}

form.elements.images.addEventListener("change", (event) => take("images", event.target.files));
byId("folder").addEventListener("change", (event) => {
  const fits = [...event.target.files].filter((file) => /^(image|video)\//.test(file.type));
  take("images", fits);
});
form.elements.gallery.addEventListener("change", (event) => take("gallery", event.target.files));

/** All files of a dropped entry, folders walked through. */
async function walk(entry, path) {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    return [{ file, name: path + file.name }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const part = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!part.length) break;
    for (const child of part) found.push(...await walk(child, `${path}${entry.name}/`));
  }
  return found;
}

for (const field of ["images", "gallery"]) {
  const zone = byId(`drop-${field}`);
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    files[field] = (await Promise.all(entries.map((entry) => walk(entry, "")))).flat();
    say(field);
  });
}

async function ask(address, options = {}) {
  const answer = await fetch(address, { ...options, headers: HEADERS });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error || answer.statusText);
  return content;
}

function showState(run) {
  byId("run").hidden = false;
  const counted = run.total ? `: ${run.done} of ${run.total} images` : run.done ? `: ${run.done} images` : "";
  byId("state").textContent = STATES[run.state] + (run.state === "running" ? counted : "") + (run.message ? `: ${run.message}` : "");
  const bar = byId("bar");
  bar.hidden = run.state !== "running" && run.state !== "waiting";
  byId("stop").hidden = bar.hidden;
  if (run.total) { bar.max = run.total; bar.value = run.done; } else bar.removeAttribute("value");
}

function showResult(id) {
  const place = (file) => `/runs/${id}/${file}`;
  byId("result").hidden = false;
  byId("report").src = place("report.html");
  byId("open").href = place("report.html");
  byId("zip").href = place("export.zip");
  byId("table").href = place("detections.csv");
  byId("evidence").href = place("evidence.json");
}

async function follow(id) {
  current = id;
  for (;;) {
    const run = await ask(`/runs/${id}`);
    if (current !== id) return;
    showState(run);
    if (run.ready) showResult(id);
    if (!["waiting", "running"].includes(run.state)) break;
    await new Promise((done) => setTimeout(done, 400));
  }
  form.querySelector("[type=submit]").disabled = false;
  await listEarlier();
}

async function listEarlier() {
  const runs = await ask("/runs");
  byId("earlier").replaceChildren(...runs.filter((run) => run.ready).map((run) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: run.id });
    button.addEventListener("click", () => { current = run.id; byId("run").hidden = true; showResult(run.id); });
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!files.images.length) {
    showState({ state: "failed", message: "choose at least one image or video" });
    return;
  }
  const body = new FormData();
  for (const name of ["detector", "upscaler", "rate", "every", "start", "note"]) body.append(name, form.elements[name].value);
  for (const name of ["tracks", "mark"]) if (form.elements[name].checked) body.append(name, "1");
  for (const field of ["images", "gallery"]) for (const { file, name } of files[field]) body.append(field, file, name);
  form.querySelector("[type=submit]").disabled = true;
  byId("result").hidden = true;
  showState({ state: "waiting", message: "sending the files" });
  try {
    const run = await ask("/runs", { method: "POST", body });
    await follow(run.id);
  } catch (error) {
    showState({ state: "failed", message: error.message });
    form.querySelector("[type=submit]").disabled = false;
  }
});

byId("stop").addEventListener("click", () => current && ask(`/runs/${current}/stop`, { method: "POST" }));
listEarlier();
