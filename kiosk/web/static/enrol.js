// SPDX-License-Identifier: Apache-2.0
"use strict"; // The page that adds an item: shows what the service says, as text only, and passes on taps.
let now = { views: [] };
let taking = false;
const tap = (what, body) => post(`/enrol/${what}`, body);

function thumb(value) {
  const button = $("view").content.firstElementChild.cloneNode(true);
  source(button.querySelector("img"), value.picture);
  button.dataset.view = value.view;
  button.onclick = () => tap("drop", { view: value.view });
  return button;
}

function buttons() {
  $("take").textContent = taking ? page.dataset.taking : page.dataset.take;
  $("take").disabled = taking || now.full;
  $("take").classList.toggle("good", now.good || taking);
  $("finish").disabled = taking || !now.enough;
  $("finish").classList.toggle("good", now.enough && !now.good);
  $("start").disabled = !now.ready;
}

function show(state) {
  now = state;
  page.dataset.view = state.view;
  page.classList.toggle("dark", !state.live);
  page.classList.toggle("seen", state.good);
  const going = state.view !== "idle";
  set($("title"), "textContent", going && state.name ? state.name : document.title);
  for (const [id, value] of Object.entries(state.texts)) set($(id), "textContent", value);
  set($("not-ready"), "textContent", state.trouble);
  set($("theirs-label"), "textContent", state.theirs_label);
  source($("yours"), state.yours);
  source($("theirs"), state.theirs);
  const views = JSON.stringify(state.views);
  if (views !== $("views").dataset.state) {
    $("views").dataset.state = views;
    $("views").replaceChildren(...state.views.map(thumb));
    $("views").scrollLeft = $("views").scrollWidth; // the newest; the page itself stays where it is
  }
  buttons();
  document.querySelectorAll("#say, #detail").forEach(fit);
}

$("form").onsubmit = async (event) => {
  event.preventDefault();
  const body = {};
  for (const field of ["name", "barcode", "sku", "category"]) body[field] = $(`item-${field}`).value;
  document.activeElement?.blur();
  await tap("start", body);
};
$("read-code").onclick = async () => {
  $("read-code").disabled = true;
  $("read-code").textContent = page.dataset.reading;
  const found = await tap("barcode");
  $("read-code").textContent = page.dataset.read;
  $("read-code").disabled = false;
  if (!found) return;
  $("item-barcode").value = found.barcode;
  if (found.sku) $("item-sku").value = found.sku;
  if (found.note) notice(found.note);
};
$("take").onclick = async () => {
  taking = true;
  buttons();
  await tap("take");
  taking = false;
  buttons();
};
$("finish").onclick = () => tap("finish");
$("again").onclick = () => tap("again");
$("undo").onclick = async () => { if (await post("/undo-addition", { id: now.addition })) over(); };
$("another").onclick = () => over();
for (const button of document.querySelectorAll(".cancel")) button.onclick = () => over();

async function over() { // back to an empty form
  if (await tap("cancel")) for (const field of ["name", "barcode", "sku", "category"]) $(`item-${field}`).value = "";
}

page.oncontextmenu = (event) => event.target.tagName === "INPUT"; // a long press is a tap
window.onresize = () => now.build && show(now);
follow("enrol", show);
watch($("preview"));
