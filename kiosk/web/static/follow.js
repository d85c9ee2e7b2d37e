// SPDX-License-Identifier: Apache-2.0
// Follows the service's events; while it does not answer, the page says so and tries again.
"use strict";
function follow(page, show) {
  const events = new EventSource(`/events?page=${page}`);
  const lost = () => {
    events.close();
    clearTimeout(quiet);
    document.body.classList.add("lost");
    setTimeout(() => follow(page, show), 500);
  };
  const alive = () => {
    document.body.classList.remove("lost");
    clearTimeout(quiet);
    quiet = setTimeout(lost, 10000); // the service beats every 3 s
  };
  let quiet = setTimeout(lost, 10000);
  events.addEventListener("beat", alive);
  events.onmessage = (event) => { alive(); show(JSON.parse(event.data)); };
  events.onerror = lost;
}
