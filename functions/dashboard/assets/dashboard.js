// What pages do in the browser beyond links and forms: all of it is left out without JavaScript.
(() => {
  "use strict";

  // htmx looks at a page at its leisure: what is pressed or typed before that would be lost.
  document.addEventListener("DOMContentLoaded", () => window.htmx?.process(document.body));

  const say = (text) => {
    const place = document.getElementById("said");
    if (!place) return;
    place.textContent = text;
    place.hidden = false;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => { place.hidden = true; }, 3000);
  };

  // Times are sent in UTC; people read them in their own zone and see UTC when they point at them.
  const localize = (root) => {
    const own = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
    for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
      time.title = time.textContent.trim();
      time.textContent = own.format(new Date(time.dateTime));
    }
  };

  // What a search found, for whoever does not see the table change.
  const count = () => {
    const place = document.getElementById("count");
    if (!place) return;
    const rows = document.querySelectorAll("#results tbody tr").length;
    place.textContent = rows === 1 ? "1 customer is shown" : `${rows} customers are shown`;
  };

  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      say("Copied");
    } catch {
      say("The browser did not let us copy");
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from], [data-retry]");
    if (!button) return;
    if (button.dataset.retry !== undefined) return location.reload();
    const from = button.dataset.copyFrom;
    if (from) button.dataset.copy = document.querySelector(from).textContent;
    copy(button);
  });

  const isTyping = (element) =>
    element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);

  document.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key === "Enter") {
      const form = event.target.closest("form");
      form?.requestSubmit(form.querySelector("button#confirm, button.btn-primary"));
      return;
    }
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const menu = document.querySelector("details.menu[open]");
    if (event.key === "Escape") {
      if (isTyping(event.target)) event.target.blur();
      if (menu) shut(menu);
      return;
    }
    // What a dialog asks for comes first.
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const letter = CSS.escape(event.key);
    const wanted = menu?.querySelector(`[data-letter="${letter}"]`)
      ?? document.querySelector(`[data-key="${letter}"]`);
    if (!wanted) return;
    event.preventDefault();
    if (isTyping(wanted)) wanted.focus();
    else wanted.click();
  });

  const shut = (menu) => {
    menu.open = false;
    menu.querySelector("summary").focus();
  };
  // A menu is shut by what is chosen in it, and by a click beside it.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target) || event.target.closest("a")) menu.open = false;
    }
  });

  // What is asked of a page is meant for the environment that it shows.
  document.addEventListener("htmx:config:request", (event) => {
    const opened = document.body.dataset.openedIn;
    if (opened) event.detail.ctx.request.headers["X-Opened-In"] = opened;
  });
  const failed = document.getElementById("unanswered");
  document.addEventListener("htmx:after:swap", () => {
    localize(document);
    count();
    if (failed) failed.hidden = true;
  });
  // A part of a page that did not come says so in its place, where a link asks again.
  const isLate = (event) => {
    const part = event.detail?.ctx?.sourceElement?.closest("[data-late]");
    part?.classList.add("unanswered");
    return part != null;
  };
  document.addEventListener("htmx:error", (event) => {
    if (isLate(event)) return;
    if (failed) failed.hidden = false;
    else say("The server did not answer: try again");
  });
  // An answer that is not the page, such as one of the gateway, must not take its place.
  document.addEventListener("htmx:after:request", (event) => {
    const { hx, select, text } = event.detail.ctx;
    if (hx.redirect || !select || text.includes(`id="${select.slice(1)}"`)) return;
    event.preventDefault();
    if (isLate(event)) return;
    if (failed) failed.hidden = false;
    else say("This did not work: reload the page and try again");
  });
  localize(document);
  document.querySelector(".card-header-tabs .active")
    ?.scrollIntoView({ block: "nearest", inline: "nearest" });
})();
