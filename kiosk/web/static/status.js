// SPDX-License-Identifier: Apache-2.0
// The status page: groups of labelled values, as text only.
"use strict";
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  element.dir = "auto";
  return element;
};

function group(entry) {
  const section = make("section", entry.ok === false ? "group bad" : "group", "");
  const heading = make("h2", "", entry.title);
  if (entry.state) heading.append(make("span", "state", entry.state));
  section.append(heading, make("p", "message", entry.message));
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
  section.append(list);
  return section;
}

follow("status", (state) => document.getElementById("groups").replaceChildren(...state.groups.map(group)));
