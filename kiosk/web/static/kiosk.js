// SPDX-License-Identifier: Apache-2.0
// Shows what the service says, as text only; decides nothing.
"use strict";
const $ = (id) => document.getElementById(id);
const page = document.body;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
let now = { decision: "", cards: [], confirmed: "" };
let tapped = "";

const text = (id, value) => { if ($(id).textContent !== value) $(id).textContent = value; };
const icon = (element, name) => element.querySelector("use").setAttribute("href", `#i-${name}`);
const source = (image, url) => {
  if (!url) image.removeAttribute("src");
  else if (image.getAttribute("src") !== url) image.src = url;
};

function fit(element) { // the largest type that fits, found once for each text
  const key = `${element.textContent}|${page.dataset.view}|${innerWidth}x${innerHeight}`;
  if (element.fitted === key) return;
  element.fitted = key;
  element.style.fontSize = "";
  let size = parseFloat(getComputedStyle(element).fontSize);
  const over = () => element.scrollHeight > element.clientHeight + size / 7 || element.scrollWidth > element.clientWidth + 1;
  element.classList.remove("tight");
  while (size > 13 && over()) element.style.fontSize = `${(size *= 0.94)}px`;
  element.classList.toggle("tight", over()); // then words may break anywhere
}

function card(match) {
  const button = $("card").content.firstElementChild.cloneNode(true);
  button.dataset.sku = match.sku;
  source(button.querySelector("img"), match.picture);
  for (const part of ["name", "sku"]) button.querySelector(`.${part}`).textContent = match[part];
  button.addEventListener("click", () => confirm(match.sku));
  return button;
}

function mark(chosen) {
  for (const button of $("cards").children) {
    button.classList.toggle("chosen", button.dataset.sku === chosen);
    button.classList.toggle("receded", chosen !== "" && button.dataset.sku !== chosen);
    button.setAttribute("aria-pressed", button.dataset.sku === chosen);
  }
}

function show(state) {
  if (now.build && now.build !== state.build) location.reload();
  const another = state.decision !== now.decision || state.cards.length !== now.cards.length;
  now = state;
  page.dataset.view = state.view;
  page.classList.toggle("dark", !state.camera.ok);
  page.classList.toggle("confirmed", state.cards.length > 0 && state.confirmed !== "");
  for (const id of ["headline", "detail", "name", "sku", "category", "others"]) text(id, state[id]);
  for (const id of ["label", "text", "sku", "percent"]) text(`evidence-${id}`, state.evidence[id]);
  for (const id of ["title", "message", "after"]) text(`trouble-${id}`, state.camera[id]);
  icon($("decision"), page.classList.contains("confirmed") ? "accepted" : state.view);
  source($("reference"), state.evidence.picture);
  $("likeness").style.width = state.evidence.percent || "0";
  for (const part of state.bar) {
    $(`bar-${part.id}`).classList.toggle("bad", !part.ok);
    icon($(`bar-${part.id}`), part.ok ? "ok" : "problem");
    text(`bar-${part.id}-text`, part.text);
  }
  if (another) $("cards").replaceChildren(...state.cards.map(card));
  if (another || state.confirmed === tapped) tapped = "";
  mark(tapped || state.confirmed);
  document.querySelectorAll("#headline, #name, #detail, #cards .name").forEach(fit);
}

async function confirm(sku) {
  mark(tapped = sku); // at once; taken back when it was not saved
  const body = JSON.stringify({ decision_id: now.decision, sku });
  const reply = fetch("/confirm", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const answer = await reply.then((got) => got.json()).catch(() => ({ message: page.dataset.silent }));
  if (answer.saved) return;
  mark(tapped = now.confirmed);
  text("notice", answer.message);
  await pause(5000);
  text("notice", "");
}

async function watch(canvas) { // pulled: the next picture is asked for when the last is drawn
  for (let after = -1; ; ) {
    try {
      const reply = await fetch(`/preview.jpg?after=${after}`);
      if (reply.status !== 200) throw reply;
      const bitmap = await createImageBitmap(await reply.blob());
      if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      bitmap.close();
      after = canvas.dataset.sequence = reply.headers.get("X-Sequence");
    } catch { await pause(250); }
  }
}

addEventListener("contextmenu", (event) => event.preventDefault()); // a long press is a tap
addEventListener("resize", () => now.build && show(now));
follow("operator", show);
watch($("preview"));
