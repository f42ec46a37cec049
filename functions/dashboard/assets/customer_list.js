// Looks through the customers page by page until somebody is found, or the list ends.
(() => {
  "use strict";

  let isLooking = false;

  const step = async () => {
    const results = document.getElementById("results");
    const onward = results?.querySelector("[data-onward]");
    if (!isLooking || !onward) {
      isLooking = false;
      return;
    }
    onward.textContent = "Stop";
    const swap = { target: "#results", select: "#results", swap: "outerHTML" };
    results.classList.add("htmx-request");
    try {
      await htmx.ajax("GET", onward.dataset.onward, swap);
    } catch {
      isLooking = false;
    }
    results.classList.remove("htmx-request");
    if (document.getElementById("results") === results) isLooking = false;
    step();
  };

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-onward]")) return;
    isLooking = !isLooking;
    if (isLooking) step();
    else event.target.textContent = "Search on until something is found";
  });
  // Whoever asks for something else does not want what was looked for.
  document.addEventListener("input", () => { isLooking = false; });
})();
