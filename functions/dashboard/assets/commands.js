// The command bar: Ctrl+K or Cmd+K, type, arrows, Enter.
(() => {
  "use strict";

  const bar = document.getElementById("commands");
  if (!bar) return;
  const field = bar.querySelector("input[type=search]");

  const open = () => {
    if (bar.open) return;
    bar.showModal();
    field.value = "";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-commands]")) open();
    if (event.target === bar) bar.close();
  });

  document.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });

  bar.addEventListener("keydown", (event) => {
    // A search field would take it for itself at first, to be emptied.
    if (event.key === "Escape") {
      event.preventDefault();
      bar.close();
    }
    const links = [...bar.querySelectorAll("#commands-found a")];
    if (event.key === "Enter" && event.target === field) {
      event.preventDefault();
      links[0]?.click();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const stops = [field, ...links];
    stops[(stops.indexOf(document.activeElement) + step + stops.length) % stops.length].focus();
  });
})();
