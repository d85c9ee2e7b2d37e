// SPDX-License-Identifier: Apache-2.0
// The status page: groups of labelled values, as text only, and taps that undo a refusal or an addition.
"use strict";
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  element.dir = "auto";
  return element;
};

function message(text) { // what is typed somewhere stands between ` and `
  const said = make("p", "message", "");
  said.append(...text.split("`").map((part, at) => (at % 2 ? make("code", "", part) : part)));
  return said;
}

function group(entry) {
  const section = make("section", entry.ok === false ? "group bad" : "group", "");
  const heading = make("h2", "", entry.title);
  if (entry.state) heading.append(make("span", "state", entry.state));
  section.append(heading, message(entry.message));
  const list = make("dl", "", "");
  for (const [label, value] of entry.rows) list.append(make("dt", "", label), make("dd", "", value));
  const longest = Math.max(1, ...entry.bars.map(([, ms]) => ms));
  for (const [label, ms] of entry.bars) {
    const value = make("dd", "bar", `${ms.toFixed(1)} ms`);
    const track = make("div", "track", "");
    track.append(make("div", "", ""));
    track.firstChild.style.width = `${(100 * ms) / longest}%`;
    value.append(track);
    list.append(make("dt", "", label), value);
  }
  section.append(list, ...entry.undo.map(refusal));
  if (entry.link) {
    const link = make("a", "go", entry.link.label);
    link.href = entry.link.href;
    section.append(link);
  }
  return section;
}

function refusal(entry) {
  const row = make("div", "refusal", "");
  const says = make("div", "", "");
  says.append(make("strong", "", entry.title), make("span", "quiet", entry.detail));
  const button = make("button", "", entry.label);
  button.onclick = () => undo(entry.path, entry.id, button);
  row.append(says, button);
  return row;
}

async function undo(path, id, button) { // the row goes when the kiosk's next state comes without it
  button.disabled = true;
  if (!await post(path, { id })) button.disabled = false;
}

let shown = [];
follow("status", (state) => { // only what differs is drawn anew: a finger may be on a button
  const groups = $("groups");
  const texts = state.groups.map((entry) => JSON.stringify(entry));
  if (texts.length !== groups.children.length) groups.replaceChildren(...state.groups.map(group));
  else texts.forEach((text, at) => { if (text !== shown[at]) groups.children[at].replaceWith(group(state.groups[at])); });
  shown = texts;
});
