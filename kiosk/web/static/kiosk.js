// SPDX-License-Identifier: Apache-2.0
"use strict"; // Shows what the service says, as text only; decides nothing.
const $ = (id) => document.getElementById(id);
const page = document.body;
const set = (element, name, value) => { if (element[name] !== value) element[name] = value; };
const icon = (id, name) => $(id).querySelector("use").setAttribute("href", `#${name}`);
const source = (image, url) => { if (image.getAttribute("src") !== url) image.setAttribute("src", url); };
let now = { decision: "", cards: [], confirmed: "" };
let tapped = "";

function fit(element) { // the largest type that fits, found once for each text
  const key = `${element.textContent}|${page.dataset.view}|${innerWidth}x${innerHeight}`;
  if (element.fitted === key) return;
  element.fitted = key;
  element.style.fontSize = "";
  element.classList.remove("tight");
  let size = parseFloat(getComputedStyle(element).fontSize);
  const over = () => element.scrollHeight > element.clientHeight + size / 7 || element.scrollWidth > element.clientWidth + 1;
  while (size > 13 && over()) element.style.fontSize = `${(size *= 0.94)}px`;
  element.classList.toggle("tight", over()); // then words may break anywhere
}

function card(match) {
  const button = $("card").content.firstElementChild.cloneNode(true);
  button.dataset.sku = match.sku;
  source(button.querySelector("img"), match.picture);
  for (const part of ["name", "sku", "note"]) button.querySelector(`.${part}`).textContent = match[part];
  button.onclick = () => confirm(match.sku);
  return button;
}

function mark(chosen) {
  for (const button of $("cards").children) {
    button.ariaPressed = String(button.dataset.sku === chosen);
    button.className = !chosen ? "" : button.dataset.sku === chosen ? "chosen" : "receded";
  }
}

function chip(item) { // another item in view
  const button = $("chip").content.firstElementChild.cloneNode(true);
  button.querySelector("use").setAttribute("href", `#i-${item.outcome}`);
  button.querySelector("span").textContent = item.text;
  button.className = item.outcome;
  button.onclick = () => post("/focus", { visit: item.visit });
  return button;
}

function show(state) {
  if (now.build && now.build !== state.build) location.reload();
  const another = state.decision !== now.decision || state.cards.length !== now.cards.length;
  now = state;
  page.dataset.view = state.view;
  page.classList.toggle("dark", !state.live);
  page.classList.toggle("confirmed", state.cards.length > 0 && state.confirmed !== "");
  for (const [id, value] of Object.entries(state.texts)) set($(id), "textContent", value);
  icon("decision", page.classList.contains("confirmed") ? "i-accepted" : state.icon);
  set($("refuse"), "textContent", state.refuse);
  set($("refuse"), "disabled", false);
  source($("reference"), state.picture);
  $("likeness").style.width = state.texts["evidence-percent"] || "0";
  for (const [id, ok] of Object.entries(state.parts)) {
    $(id).classList.toggle("bad", !ok);
    icon(id, ok ? "i-ok" : "i-problem");
  }
  const beside = JSON.stringify(state.beside);
  if (beside !== $("beside").dataset.state) {
    $("beside").dataset.state = beside;
    $("beside").replaceChildren(...state.beside.map(chip));
  }
  if (another) $("cards").replaceChildren(...state.cards.map(card));
  if (another || state.confirmed === tapped) tapped = "";
  mark(tapped || state.confirmed);
  document.querySelectorAll("#headline, #name, #detail, #cards .name").forEach(fit);
}

async function post(path, body) { // true when it was done; otherwise says why not
  const reply = fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const answer = await reply.then((got) => got.json()).catch(() => ({ message: page.dataset.silent }));
  if (answer.saved) return true;
  $("notice").textContent = answer.message;
  setTimeout(() => { $("notice").textContent = ""; }, 5000);
  return false;
}

async function confirm(sku) {
  mark(tapped = sku); // at once; taken back when it was not saved
  if (!await post("/confirm", { decision_id: now.decision, sku })) mark(tapped = now.confirmed);
}

async function refuse() {
  $("refuse").disabled = true;
  await post("/refuse", { decision_id: now.decision });
  $("refuse").disabled = false;
}

async function watch(canvas) { // pulled: the next picture is asked for when the last is drawn
  for (let after = -1; ; ) {
    try {
      const reply = await fetch(`/preview.jpg?after=${after}`);
      if (reply.status !== 200) throw reply;
      const bitmap = await createImageBitmap(await reply.blob());
      for (const side of ["width", "height"]) set(canvas, side, bitmap[side]);
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      bitmap.close();
      after = canvas.dataset.sequence = reply.headers.get("X-Sequence");
    } catch { await new Promise((done) => setTimeout(done, 250)); }
  }
}

$("refuse").onclick = refuse;
if ($("read")) $("read").onclick = () => post("/read-barcode", {});
page.oncontextmenu = () => false; // a long press is a tap
window.onresize = () => now.build && show(now);
follow("operator", show);
watch($("preview"));
