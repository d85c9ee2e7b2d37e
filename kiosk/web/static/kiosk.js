// SPDX-License-Identifier: Apache-2.0
"use strict"; // Shows what the service says, as text only; decides nothing.
const icon = (id, name) => $(id).querySelector("use").setAttribute("href", `#${name}`);
let now = { decision: "", cards: [], confirmed: "" };
let tapped = "";

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

async function confirm(sku) {
  mark(tapped = sku); // at once; taken back when it was not saved
  if (!await post("/confirm", { decision_id: now.decision, sku })) mark(tapped = now.confirmed);
}

async function refuse() {
  $("refuse").disabled = true;
  await post("/refuse", { decision_id: now.decision });
  $("refuse").disabled = false;
}

$("refuse").onclick = refuse;
if ($("read")) $("read").onclick = () => post("/read-barcode");
page.oncontextmenu = () => false; // a long press is a tap
window.onresize = () => now.build && show(now);
follow("operator", show);
watch($("preview"));
