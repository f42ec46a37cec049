// Forms about a customer open as a sheet beside the page. Without JavaScript they are pages.
(() => {
  "use strict";

  const sheet = document.getElementById("sheet");
  if (!sheet) return;

  // Modified clicks open the page of the form, as links do.
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[hx-target="#sheet"]');
    if (link && (event.metaKey || event.ctrlKey || event.shiftKey)) event.stopImmediatePropagation();
  }, true);

  // What was typed does not go by a slip: by Esc, or by a click beside the sheet.
  let isTouched = false;
  sheet.addEventListener("input", (event) => { isTouched ||= event.target.form?.method === "post"; });
  const mayGo = () => !isTouched || window.confirm("Close the form? What was typed in it is lost.");
  sheet.addEventListener("cancel", (event) => {
    if (event.target === sheet && !mayGo()) event.preventDefault();
  });

  // Dragging out of a field, to select what is in it, ends beside the sheet too.
  let isBeside = false;
  document.addEventListener("pointerdown", (event) => { isBeside = event.target === sheet; });

  document.addEventListener("click", (event) => {
    const isClosed = event.target.closest("#sheet [data-close]");
    if (isClosed) event.preventDefault();
    if (isClosed || (event.target === sheet && isBeside && mayGo())) sheet.close();
    const unwanted = event.target.closest("[data-remove]");
    if (unwanted) document.querySelector(unwanted.dataset.remove)?.remove();
  });

  // What a form would do is of no interest any more while it is done.
  document.addEventListener("htmx:before:request", (event) => {
    const { sourceElement } = event.detail.ctx;
    if (sourceElement.matches("form")) sourceElement.dataset.sent = "";
    else if (sourceElement.matches(".preview") && sourceElement.closest("form[data-sent]")) event.preventDefault();
  });
  document.addEventListener("htmx:error", (event) => {
    delete event.detail.ctx?.sourceElement?.dataset?.sent;
  });

  sheet.addEventListener("close", () => {
    isTouched = false;
    sheet.replaceChildren();
  });

  const wanted = () =>
    document.querySelector("#action [data-focus], #details [data-focus]")
      ?? document.querySelector("#action [autofocus], #details [autofocus]");

  document.addEventListener("htmx:after:swap", (event) => {
    const { target } = event.detail.ctx;
    const isOpened = target === sheet;
    if (isOpened && !sheet.open) sheet.showModal();
    // What is wrong with a form, or came of it, takes its place.
    if (isOpened || ["action", "details"].includes(target?.id)) wanted()?.focus();
  });
})();
