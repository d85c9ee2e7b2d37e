// SPDX-License-Identifier: Apache-2.0
"use strict"; // The page that adds an item: shows what the service says, as text only, and passes on taps.
const $ = (id) => document.getElementById(id);
const page = document.body;
const set = (element, name, value) => { if (element[name] !== value) element[name] = value; };
const source = (image, url) => { if (image.getAttribute("src") !== url) image.setAttribute("src", url); };
let now = { views: [] };
let taking = false;
let noticed = 0;

function notice(text) {
  clearTimeout(noticed);
  $("notice").textContent = text;
  noticed = setTimeout(() => { $("notice").textContent = ""; }, 7000);
}

async function post(what, body = {}) { // the answer, or null after saying why not
  const path = what.startsWith("/") ? what : `/enrol/${what}`;
  const reply = fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const answer = await reply.then((got) => got.json()).catch(() => ({ message: page.dataset.silent }));
  if (answer.saved) { $("notice").textContent = ""; return answer; }
  notice(answer.message);
  return null;
}

function thumb(value) {
  const button = $("view").content.firstElementChild.cloneNode(true);
  source(button.querySelector("img"), value.picture);
  button.dataset.view = value.view;
  button.onclick = () => post("drop", { view: value.view });
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

function fit(element) { // the largest type that fits, found once for each text
  const key = `${element.textContent}|${page.dataset.view}|${innerWidth}x${innerHeight}`;
  if (element.fitted === key) return;
  element.fitted = key;
  element.style.fontSize = "";
  let size = parseFloat(getComputedStyle(element).fontSize);
  const over = () => element.scrollHeight > element.clientHeight + size / 6 || element.scrollWidth > element.clientWidth + 1;
  while (size > 15 && over()) element.style.fontSize = `${(size *= 0.94)}px`;
}

function show(state) {
  if (now.build && now.build !== state.build) location.reload();
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
    $("views").lastElementChild?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  buttons();
  document.querySelectorAll("#say, #detail").forEach(fit);
}

$("form").onsubmit = async (event) => {
  event.preventDefault();
  const body = {};
  for (const field of ["name", "barcode", "sku", "category"]) body[field] = $(`item-${field}`).value;
  document.activeElement?.blur();
  await post("start", body);
};
$("read-code").onclick = async () => {
  $("read-code").disabled = true;
  $("read-code").textContent = page.dataset.reading;
  const found = await post("barcode");
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
  await post("take");
  taking = false;
  buttons();
};
$("finish").onclick = () => post("finish");
$("again").onclick = () => post("again");
$("undo").onclick = async () => { if (await post("/undo-addition", { id: now.addition })) over(); };
$("another").onclick = () => over();
for (const button of document.querySelectorAll(".cancel")) button.onclick = () => over();

async function over() { // back to an empty form
  if (await post("cancel")) for (const field of ["name", "barcode", "sku", "category"]) $(`item-${field}`).value = "";
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

page.oncontextmenu = (event) => event.target.tagName === "INPUT"; // a long press is a tap
window.onresize = () => now.build && show(now);
follow("enrol", show);
watch($("preview"));
