// SPDX-License-Identifier: Apache-2.0
"use strict"; // The order page: shows what the service says, as text only, and passes on what people do.
const clone = (id) => $(id).content.firstElementChild.cloneNode(true);
const fill = (element, values) => { for (const [name, value] of Object.entries(values)) set(element.querySelector(`.${name}`), "textContent", value); };
const ICONS = { match: "accepted", wrong_item: "wrong", not_on_list: "wrong", already_counted: "problem", unsure: "choose" };
let now = { order: null };
let amount = 1;

const mistakes = (text) => { $("mistakes").textContent = text; };
const call = (method, path, body) => ask(method, path, body, page.dataset.view === "choosing" ? mistakes : notice);
const order = async (what, body = {}) => now.order && call("POST", `/api/v1/orders/${now.order.id}/${what}`, body);

function children(box, id, wanted, show) { // as many as wanted, each brought up to date
  while (box.children.length > wanted.length) box.lastElementChild.remove();
  while (box.children.length < wanted.length) box.append(clone(id));
  wanted.forEach((value, at) => show(box.children[at], value));
}

function line(button, value) {
  button.className = `${value.state}${value.expected ? " expected" : ""}`;
  button.ariaPressed = String(value.expected);
  fill(button, { counted: value.counted, of: `/${value.quantity}`, name: value.name, note: value.note });
  button.onclick = () => order("expect", { line: value.expected || value.left < 1 ? 0 : value.line });
}

function offer(button, value) {
  source(button.querySelector("img"), value.picture);
  fill(button, { name: value.name, note: value.note });
  button.classList.toggle("listed", value.note !== "");
  button.dataset.sku = value.sku;
  button.onclick = () => call("POST", "/confirm", { decision_id: now.verdict.decision, sku: value.sku });
}

function extra(row, value) {
  fill(row, { name: value.name, note: value.why });
  row.querySelector("button").onclick = () => order("undo", { count: value.count });
}

function show(state) {
  const before = now;
  now = state;
  const list = state.order;
  page.dataset.view = list ? "checking" : "choosing";
  page.classList.toggle("dark", !state.live);
  if (!list) {
    set($("number"), "textContent", page.dataset.title);
    if (before.order || !before.build) waiting();
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    return;
  }
  const verdict = state.verdict;
  page.dataset.verdict = verdict.kind;
  $("verdict").querySelector("use").setAttribute("href", `#i-${ICONS[verdict.kind] || verdict.kind}`);
  for (const part of ["headline", "name", "detail"]) set($(`v-${part}`), "textContent", verdict[part]);
  $("verdict").classList.toggle("asks", verdict.offers.length > 0);
  for (const part of ["number", "progress", "missing"]) set($(part), "textContent", list[part]);
  $("share").style.width = `${100 * list.share}%`;
  page.classList.toggle("complete", list.complete);
  $("undo").disabled = !list.can_undo;
  children($("lines"), "line", list.lines, line);
  children($("offers"), "offer", verdict.offers, offer);
  const missing = list.lines.filter((each) => each.left > 0);
  children($("absent"), "extra", missing, (row, value) => {
    fill(row, { name: value.name, note: `${value.left}` });
    row.querySelector("button").hidden = true;
  });
  children($("extras"), "extra", list.extras, extra);
  $("closing").className = `${list.complete ? "is-complete" : ""} ${missing.length ? "" : "none-missing"} ${list.extras.length ? "" : "none-extra"}`;
  if (list.trouble && list.trouble !== before.order?.trouble) notice(list.trouble);
  if (verdict.decision && verdict.decision !== before.verdict?.decision) {
    const at = list.lines.findIndex((each) => each.name === verdict.name);
    if (at >= 0 && $("lines").scrollHeight > $("lines").clientHeight) $("lines").children[at].scrollIntoView({ block: "nearest" });
  }
  document.querySelectorAll("#v-headline, #v-name").forEach(fit);
}

async function waiting() { // orders that could be opened
  const answer = await call("GET", "/api/v1/orders");
  const found = (answer ? answer.orders : []).filter((each) => each.stage !== "closed");
  children($("waiting"), "line", found, (button, value) => {
    button.className = "open";
    fill(button, { counted: value.quantity, of: "", name: value.number, note: value.created_at.slice(0, 16).replace("T", " ") });
    button.onclick = () => call("POST", `/api/v1/orders/${value.id}/open`, {});
  });
  $("no-waiting").hidden = found.length > 0;
}

async function read(file) { // UTF-8 or UTF-16 as it says itself, else what spreadsheets write in the West
  const bytes = new Uint8Array(await file.arrayBuffer());
  const wide = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
  try { return new TextDecoder(wide, { fatal: true }).decode(bytes); } catch { return new TextDecoder("windows-1252").decode(bytes); }
}

$("new-file").onchange = async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  $("new-rows").value = await read(file);
  if (!$("new-number").value) $("new-number").value = file.name.replace(/\.\w+$/, "").slice(0, 80);
  event.target.value = "";
};
$("start").onclick = async () => {
  $("mistakes").textContent = "";
  const made = await call("POST", "/api/v1/orders", { number: $("new-number").value, csv: $("new-rows").value, open: true });
  if (made) $("new-number").value = $("new-rows").value = "";
};
$("undo").onclick = () => order("undo");
$("filter").onclick = () => { $("filter").ariaPressed = String($("list").classList.toggle("filtered")); };
$("close").onclick = () => $("closing").showModal();
$("sign").onclick = async () => {
  const signed = await order("close", { name: $("signer").value });
  if (!signed) return;
  $("signer").value = "";
  $("closing").close();
  notice(page.dataset.signed.replace("{outcome}", signed.outcome));
};
$("by-hand").onclick = () => {
  const chosen = now.order.lines.find((each) => each.expected);
  if (!chosen) return notice(page.dataset.line);
  $("counting-name").textContent = chosen.name;
  $("amount").textContent = amount = 1;
  $("counting").showModal();
};
const step = (by) => {
  const chosen = now.order.lines.find((each) => each.expected);
  amount = Math.min(Math.max(amount + by, 1), chosen ? chosen.left : 1);
  $("amount").textContent = amount;
};
$("fewer").onclick = () => step(-1);
$("plus").onclick = () => step(1);
for (const button of $("reasons").children) {
  button.onclick = async () => {
    const counted = await order("count", { line: now.order.expecting, quantity: amount, reason: button.textContent });
    if (counted) $("counting").close();
  };
}
for (const button of document.querySelectorAll("dialog .cancel")) button.onclick = () => button.closest("dialog").close();

page.oncontextmenu = () => false; // a long press is a tap
window.onresize = () => now.build && show(now);
follow("order", show);
watch($("preview"), () => page.dataset.view === "checking");
