// SPDX-License-Identifier: Apache-2.0
"use strict";
function follow(page, show) { // shows each state; while the service is silent, says so and retries
  const events = new EventSource(`/events?page=${page}`);
  const lost = () => {
    events.close();
    clearTimeout(silence);
    document.body.classList.add("lost");
    setTimeout(follow, 500, page, show);
  };
  const alive = () => { clearTimeout(silence); silence = setTimeout(lost, 10000); }; // it beats every 3 s
  let silence = setTimeout(lost, 10000);
  events.onerror = lost;
  events.addEventListener("beat", alive);
  events.onmessage = (event) => { alive(); document.body.classList.remove("lost"); show(JSON.parse(event.data)); };
}
