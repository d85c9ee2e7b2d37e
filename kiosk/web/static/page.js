// SPDX-License-Identifier: Apache-2.0
"use strict"; // What every page does: shows text and no markup, follows the kiosk, passes on taps.
const $ = (id) => document.getElementById(id);
const page = document.body;
const set = (element, name, value) => { if (element[name] !== value) element[name] = value; };
const source = (image, url) => { if (image.getAttribute("src") !== url) image.setAttribute("src", url); };
const SAID_MS = 7000;

function follow(name, show) { // shows each state; while the service is silent, says so and retries
  const events = new EventSource(`/events?page=${name}`);
  const lost = () => {
    events.close();
    clearTimeout(silence);
    page.classList.add("lost");
    setTimeout(follow, 500, name, show);
  };
  const alive = () => { clearTimeout(silence); silence = setTimeout(lost, 10000); }; // it beats every 3 s
  let silence = setTimeout(lost, 10000);
  events.onerror = lost;
  events.addEventListener("beat", alive);
  events.onmessage = (event) => {
    const state = JSON.parse(event.data);
    alive();
    if (page.dataset.build && page.dataset.build !== state.build) location.reload(); // it was updated
    page.dataset.build = state.build;
    page.classList.remove("lost");
    show(state);
  };
}

function notice(text) { // for a while; an empty text takes it away
  const place = $("notice");
  clearTimeout(notice.ends);
  if (place.popover) place.hidePopover(); // shown anew it lies over a dialog, too
  place.textContent = text;
  if (!text) return;
  if (place.popover) place.showPopover();
  notice.ends = setTimeout(notice, SAID_MS, "");
}

async function ask(method, path, body, refused = notice) { // the answer; null after `refused` said why not
  const options = { method, headers: { "Content-Type": "application/json" } };
  if (method !== "GET") options.body = JSON.stringify(body);
  let answer = { message: page.dataset.silent };
  try {
    const reply = await fetch(path, options);
    answer = await reply.json();
    if (reply.ok) return answer;
  } catch { /* nobody answers, or not the kiosk */ }
  const { message, mistakes = [] } = answer.error || answer;
  refused([message, ...mistakes].join("\n"));
  return null;
}

async function post(path, body = {}) {
  const answer = await ask("POST", path, body);
  if (answer) notice("");
  return answer;
}

function fit(element) { // the largest type that fits, found once for each text
  const key = `${element.textContent}|${page.dataset.view}|${page.dataset.verdict}|${innerWidth}x${innerHeight}`;
  if (element.fitted === key) return;
  element.fitted = key;
  element.style.fontSize = "";
  element.classList.remove("tight");
  const largest = parseFloat(getComputedStyle(element).fontSize);
  let size = largest;
  const over = () => element.scrollHeight > element.clientHeight + size / 7 || element.scrollWidth > element.clientWidth + 1;
  const shrink = (least) => { while (size > least && over()) element.style.fontSize = `${(size = Math.max(size * 0.94, least))}px`; };
  shrink(Math.max(13, largest * 0.3));
  if (!over()) return;
  element.classList.add("tight"); // words may break anywhere: better than type that nobody can read
  element.style.fontSize = `${(size = largest)}px`;
  shrink(13);
}

async function watch(canvas, wanted = () => true) { // pulled: the next picture is asked for when the last is drawn
  for (let after = -1; ; ) {
    try {
      if (!wanted()) throw canvas;
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
